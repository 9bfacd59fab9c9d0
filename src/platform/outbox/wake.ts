/** Tells this instance's mail worker that there is work, so that a mail need not wait for its next look. */
export type MailBell = {
  /** To be called once what was written to the outbox is committed. Returns at once. */
  ring(): void;
  /** One listener: the worker. */
  onRing(listener: () => void): void;
};

/** A bell that nobody hears until the worker listens, as on the command line, where the next server sends. */
export function createMailBell(): MailBell {
  let heard: () => void = () => undefined;
  return {
    ring: () => heard(),
    onRing(listener) {
      heard = listener;
    },
  };
}
