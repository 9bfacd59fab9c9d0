import { metadataUrl, reachedAt } from './addresses.js';
import { fetchJson } from './fetching.js';
import type { Settings } from './options.js';

/** Where this service reaches what it needs. */
export type Endpoints = { keys: string; list: string; stream: string; introspection: string };

/** Finds the endpoints at first use, and keeps them. One fetch at a time. */
export type Discovery = (signal?: AbortSignal) => Promise<Endpoints>;

export function createDiscovery(settings: Settings): Discovery {
  let found: Promise<Endpoints> | undefined;
  return (signal) => {
    found ??= discover(settings, signal).catch((error) => {
      found = undefined;
      throw error;
    });
    return found;
  };
}

/** @throws Error that says what is missing: nothing is guessed */
async function discover(settings: Settings, signal?: AbortSignal): Promise<Endpoints> {
  const { issuer, url, revocations, apiKey } = settings;
  const metadata = await fetchJson(metadataUrl(url), signal && { signal });
  const fields = new Map(Object.entries(typeof metadata === 'object' && metadata !== null ? metadata : {}));
  if (fields.get('issuer') !== issuer)
    throw new Error(
      `The metadata at ${metadataUrl(url)} is not of ${issuer}, but of ${JSON.stringify(fields.get('issuer'))?.slice(0, 200)}.`,
    );

  function endpoint(name: string, isNeeded: boolean): string {
    const value = fields.get(name);
    if (!isNeeded) return '';
    if (typeof value !== 'string' || !URL.canParse(value))
      throw new Error(`The metadata of ${issuer} has no ${name}. Is it switched off there?`);
    return reachedAt(value, { issuer, url });
  }

  return {
    keys: endpoint('jwks_uri', true),
    list: endpoint('gatelatch_revocations_uri', revocations !== 'off'),
    stream: endpoint('gatelatch_revocations_stream_uri', revocations === 'stream'),
    introspection: endpoint('introspection_endpoint', apiKey !== undefined),
  };
}
