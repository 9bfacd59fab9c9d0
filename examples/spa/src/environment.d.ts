/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** Where Gatelatch is: its origin. */
  readonly VITE_GATELATCH_URL: string;
}
