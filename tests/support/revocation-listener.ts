import { createHash } from 'node:crypto';
import { request } from 'node:http';

/** What a list says. */
export type List = {
  iss: string;
  iat: number;
  exp: number;
  seq: string;
  complete: boolean;
  keys: string[];
  sessions: Record<string, number>;
  users: Record<string, [number, number]>;
  epochs: Record<string, [number, number, string?]>;
};

/** As the contract has it, so that a client in another language can find an id. */
export function hashedId(issuer: string, id: string): string {
  return createHash('sha256').update(`${issuer}\n${id}`, 'utf8').digest('base64url').slice(0, 22);
}

type Heard = { id: string; list: List; at: number };

/** Who listens to the stream of revocations. */
export type Listener = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  heard: Heard[];
  isOver(): boolean;
  /** Reads nothing any more, and leaves the connection open. */
  pause(): void;
  close(): void;
};

type Listening = {
  headers?: Record<string, string>;
  /** The address to come from: any of 127.0.0.0/8. */
  from?: string;
};

/** Opens the stream of a server. The caller must close it. */
export function openListener(url: string, { headers = {}, from }: Listening = {}): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const options = { headers, agent: false, ...(from !== undefined && { localAddress: from }) };
    const sending = request(`${url}/.well-known/revocations/stream`, options, (answer) => {
      const heard: Heard[] = [];
      let [text, isOver] = ['', false];
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        const events = `${text}${chunk}`.split('\n\n');
        text = events.pop() ?? '';
        const at = performance.now();
        for (const event of events) heard.push({ ...eventIn(event), at });
      });
      answer.once('close', () => {
        isOver = true;
      });
      answer.on('error', () => undefined);
      const { statusCode: status = 0, headers: received } = answer;
      const pause = () => void answer.pause();
      resolve({ status, headers: received, heard, isOver: () => isOver, pause, close: () => void sending.destroy() });
    });
    sending.on('error', reject).end();
  });
}

function eventIn(event: string): { id: string; list: List } {
  const [, id = '', data = ''] = /^event: revocations\nid: (.*)\ndata: (.*)$/.exec(event) ?? [];
  return { id, list: JSON.parse(Buffer.from(data.split('.')[1] ?? '', 'base64url').toString()) };
}
