/** RFC 8414 §3. */
export const metadataPath = '/.well-known/oauth-authorization-server';
