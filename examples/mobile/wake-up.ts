import { AppState } from 'react-native';
import { client } from './session';

/** Asks the API when the app wakes up, so that an ended session shows at once and not at the user's next tap. */
export function askWhenWoken(): () => void {
  const subscription = AppState.addEventListener('change', (state) => {
    // Without a connection nothing is known: the user stays signed in.
    if (state === 'active') client.fetch('/welcome').catch(() => undefined);
  });
  return () => subscription.remove();
}
