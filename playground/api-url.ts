/** The API is where this page is: behind a proxy perhaps below a path. */
export function apiUrl(): URL {
  return new URL('.', location.href);
}
