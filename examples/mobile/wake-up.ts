import { AppState } from 'react-native';
import { client } from './session';

/** Has an app that wakes up hear at once that its session has ended, not at the user's next tap. */
export function askWhenWoken(): () => void {
  const subscription = AppState.addEventListener('change', (state) => {
    // No connection is no reason to log anybody out, and no news either.
    if (state === 'active') client.fetch('/welcome').catch(() => undefined);
  });
  return () => subscription.remove();
}
