/** Longest life that any setting can give an access token, in seconds; a longer one is not ours. */
export const longestAccessTtl = 86_400;
