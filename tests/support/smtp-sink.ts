import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Mail, readMail } from './mails.js';

/** A real SMTP server that keeps what it accepts. */
export type SmtpSink = {
  url: string;
  port: number;
  /** The accepted mails, in order. */
  mails: (Mail & { envelopeTo: string[]; at: number; secure: boolean; greetedBy: string })[];
  /** How many connections were made. */
  connections: number;
  close(): Promise<void>;
};

/** What it does before it accepts: nothing, wait, or refuse by throwing. */
export type Temper = {
  connect?: () => Promise<void>;
  recipient?: () => Promise<void>;
  data?: (raw: string) => Promise<void>;
};

/** @param port the port of an earlier sink, so that a server comes back where it was */
export async function startSmtpSink(temper: Temper = {}, port = 0, options: SMTPServerOptions = {}): Promise<SmtpSink> {
  const sink: SmtpSink = { url: '', port: 0, mails: [], connections: 0, close: async () => undefined };
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    closeTimeout: 100,
    ...options,
    onConnect(_session, done) {
      sink.connections += 1;
      after(temper.connect, done);
    },
    onRcptTo(_address, _session, done) {
      after(temper.recipient, done);
    },
    onData(stream, session, done) {
      void text(stream).then(async (raw) => {
        const envelopeTo = session.envelope.rcptTo.map(({ address }) => address);
        after(async () => {
          await temper.data?.(raw);
          const { secure, hostNameAppearsAs: greetedBy } = session;
          sink.mails.push({ ...readMail(raw), envelopeTo, at: performance.now(), secure, greetedBy });
        }, done);
      });
    },
  });
  // Many of these tests hang up on purpose.
  server.on('error', () => undefined);
  server.listen(port, '127.0.0.1');
  await once(server.server, 'listening');
  sink.port = (server.server.address() as AddressInfo).port;
  sink.url = `smtp://127.0.0.1:${sink.port}`;
  sink.close = () => new Promise((resolve) => server.close(() => resolve()));
  return sink;
}

function after(work: (() => Promise<void>) | undefined, done: (error?: Error | null) => void): void {
  (work?.() ?? Promise.resolve()).then(() => done(), done);
}

/** A refusal with this SMTP status. */
export function refusal(responseCode: number, message = 'Not now'): Error {
  return Object.assign(new Error(message), { responseCode });
}
