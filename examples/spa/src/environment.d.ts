/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** Gatelatch's origin. */
  readonly VITE_GATELATCH_URL: string;
}
