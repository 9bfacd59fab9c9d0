// As much of these packages as the guide uses, so that its code is checked without installing them.

declare module 'expo-secure-store' {
  type Options = { keychainAccessible?: number };
  export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number;
  export function getItemAsync(key: string, options?: Options): Promise<string | null>;
  export function setItemAsync(key: string, value: string, options?: Options): Promise<void>;
  export function deleteItemAsync(key: string, options?: Options): Promise<void>;
}

declare module 'react-native' {
  export const AppState: {
    addEventListener(
      type: 'change',
      listener: (state: 'active' | 'background' | 'inactive') => void,
    ): {
      remove(): void;
    };
  };
}

declare module 'react' {
  export function useEffect(effect: () => undefined | (() => void), dependencies: unknown[]): void;
  export function useState<T>(): [T | undefined, (value: T) => void];
}

declare const process: { env: { EXPO_PUBLIC_GATELATCH_URL?: string } };
