import { createClient } from '@gatelatch/client';
import { secureStore } from '@gatelatch/client/secure-store';
import * as SecureStore from 'expo-secure-store';

// Readable after the first unlock, so that the app can refresh in the background; never restored on another device,
// where the same refresh token would look stolen.
const accessible = { keychainAccessible: SecureStore.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY };

export const client = createClient({
  url: process.env.EXPO_PUBLIC_GATELATCH_URL ?? 'http://10.0.2.2:3000',
  storage: secureStore({
    getItemAsync: (key) => SecureStore.getItemAsync(key),
    setItemAsync: (key, value) => SecureStore.setItemAsync(key, value, accessible),
    deleteItemAsync: (key) => SecureStore.deleteItemAsync(key),
  }),
});
