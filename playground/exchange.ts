type Message = { headers: [name: string, value: string][]; body: string };

/** A request of this page and its response, as far as a script can see them. */
export type Exchange = {
  method: string;
  url: URL;
  /** Whether the browser adds its cookies. */
  cookies: boolean;
  request: Message;
  /** Undefined without an answer. */
  response?: Message & { status: number; reason: string };
  milliseconds: number;
};

/** `fetch` that reports each exchange before the caller gets the answer. */
export function recording(tell: (exchange: Exchange) => void): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { method, url, credentials } = request;
    const sent = { method, url: new URL(url), cookies: credentials === 'include', request: await messageOf(request) };
    const start = performance.now();
    try {
      const response = await fetch(request);
      const { status, statusText: reason } = response;
      const milliseconds = performance.now() - start;
      tell({ ...sent, response: { ...(await messageOf(response)), status, reason }, milliseconds });
      return response;
    } catch (error) {
      tell({ ...sent, milliseconds: performance.now() - start });
      throw error;
    }
  };
}

async function messageOf(message: Request | Response): Promise<Message> {
  const body = await message.clone().text();
  return { headers: [...message.headers], body };
}

/** The answer's JSON, if it is JSON. */
// biome-ignore lint/suspicious/noExplicitAny: the log shows whatever came.
export function jsonOf({ response }: Exchange): any {
  try {
    return JSON.parse(response?.body ?? '');
  } catch {
    return undefined;
  }
}
