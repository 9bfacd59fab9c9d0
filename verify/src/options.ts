import { isSafe } from './addresses.js';

/** @see createVerifier */
export type VerifierOptions = {
  /** What `JWT_ISSUER` is at Gatelatch, such as `https://login.example.com`. Everything else is found by it. */
  issuer: string;
  /** What `JWT_AUDIENCE` is at Gatelatch. By default `gatelatch`. */
  audience?: string | undefined;
  /** Where Gatelatch is reached, if not under the address of `issuer`. `https`, except on this machine. */
  url?: string | undefined;
  /** What `JWT_ALGORITHM` is at Gatelatch. By default `['ES256']`. It is never taken from a token. */
  algorithms?: Algorithm[] | undefined;
  /** How endings are heard of: by a stream (default), by a request each second, or not at all. */
  revocations?: 'stream' | 'poll' | 'off' | undefined;
  /** How old the list of endings may be, in seconds. By default 10. */
  maxStaleness?: number | undefined;
  /** What is done when it is older: 503 (default), or tokens are accepted until their `exp`. */
  onStale?: 'refuse' | 'accept' | undefined;
  /** A key with the permission `tokens:introspect`. Then this service takes API keys. */
  apiKey?: string | undefined;
  /** How far two clocks may differ, in seconds. By default 5. */
  clockTolerance?: number | undefined;
  /** Takes the token from this cookie too, where no header has one. Pages of `origins` alone may send it. */
  cookie?: { name: string; origins: string[] } | undefined;
  /** The realm of challenges. By default `gatelatch`. */
  realm?: string | undefined;
  /** Hears of what an operator should know. By default `console.warn`. */
  log?: ((message: string) => void) | undefined;
};

export type Algorithm = 'ES256' | 'RS256';

/** The same with every default, checked. */
export type Settings = {
  issuer: string;
  audience: string;
  url: string;
  algorithms: Algorithm[];
  revocations: 'stream' | 'poll' | 'off';
  /** Milliseconds. */
  maxStaleness: number;
  onStale: 'refuse' | 'accept';
  apiKey: string | undefined;
  /** Milliseconds. */
  clockTolerance: number;
  cookie: { name: string; origins: string[] } | undefined;
  realm: string;
  log: (message: string) => void;
};

const names: ReadonlySet<string> = new Set<keyof VerifierOptions>([
  'issuer',
  'audience',
  'url',
  'algorithms',
  'revocations',
  'maxStaleness',
  'onStale',
  'apiKey',
  'clockTolerance',
  'cookie',
  'realm',
  'log',
]);

/** @throws TypeError that names the option */
export function settingsOf(options: VerifierOptions): Settings {
  const unknown = Object.keys(options).find((name) => !names.has(name));
  if (unknown !== undefined) throw new TypeError(`There is no option ${unknown}.`);
  const { issuer, audience = 'gatelatch', algorithms = ['ES256'], realm = 'gatelatch', cookie } = options;
  const settings: Settings = {
    issuer,
    audience,
    url: options.url ?? issuer,
    algorithms,
    revocations: options.revocations ?? 'stream',
    maxStaleness: (options.maxStaleness ?? 10) * 1000,
    onStale: options.onStale ?? 'refuse',
    // An empty setting of the environment is none.
    apiKey: options.apiKey || undefined,
    clockTolerance: (options.clockTolerance ?? 5) * 1000,
    cookie,
    realm,
    log: options.log ?? ((message) => console.warn(message)),
  };
  const isText = (value: unknown) => typeof value === 'string' && value !== '';
  const within = (value: number, [least, most]: [number, number]) => value >= least && value <= most;
  must(isUrl(issuer), 'issuer', 'is a URL, as JWT_ISSUER has it');
  must(isUrl(settings.url) && isSafe(settings.url), 'url (or issuer)', 'is https, except on this machine');
  must(isText(audience), 'audience', 'is a text');
  const known = Array.isArray(algorithms) && algorithms.every((one) => one === 'ES256' || one === 'RS256');
  must(known && algorithms.length > 0, 'algorithms', 'has ES256, RS256 or both');
  must(['stream', 'poll', 'off'].includes(settings.revocations), 'revocations', 'is stream, poll or off');
  must(within(settings.maxStaleness, [3_000, 3_600_000]), 'maxStaleness', 'is 3 to 3600 seconds');
  must(['refuse', 'accept'].includes(settings.onStale), 'onStale', 'is refuse or accept');
  must(settings.apiKey === undefined || isText(settings.apiKey), 'apiKey', 'is a text');
  must(within(settings.clockTolerance, [0, 60_000]), 'clockTolerance', 'is 0 to 60 seconds');
  must(/^[\w .:/-]+$/.test(realm), 'realm', 'has letters, digits, spaces and . : / - _ only');
  must(!cookie || isText(cookie.name), 'cookie.name', 'is a text');
  must(!cookie || isOrigins(cookie.origins), 'cookie.origins', 'lists origins such as https://app.example.com');
  return settings;
}

function must(isGood: boolean, option: string, rule: string): void {
  if (!isGood) throw new TypeError(`The option ${option} is wrong: it ${rule}.`);
}

function isUrl(text: unknown): boolean {
  return typeof text === 'string' && /^https?:\/\/[^?#]+$/.test(text) && URL.canParse(text);
}

// `capacitor://localhost` is an origin too. Anybody can send `null`.
function isOrigins(origins: unknown): boolean {
  return Array.isArray(origins) && origins.every((one) => /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/.test(String(one)));
}
