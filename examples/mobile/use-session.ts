import type { Session } from '@gatelatch/client';
import { useEffect, useState } from 'react';
import { client } from './session';

/** Who is signed in; null when no user is, and undefined while the key store is being read. */
export function useSession(): Session | null | undefined {
  const [session, setSession] = useState<Session | null>();
  useEffect(() => {
    const update = () => void client.session().then(setSession);
    update();
    const stops = [client.on('signedIn', update), client.on('signedOut', update)];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);
  return session;
}
