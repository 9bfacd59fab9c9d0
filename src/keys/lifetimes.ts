/** The longest life of an access token that a setting can give, in seconds; we reject longer ones. */
export const longestAccessTtl = 86_400;
