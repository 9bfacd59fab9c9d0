// What the tests use of newman. Its published types bring Node's types of another version.
declare module 'newman' {
  export type NewmanRunSummary = {
    run: {
      failures: { source?: { id?: string; name?: string }; error: { test?: string; name: string; message: string } }[];
      executions: {
        item: { id: string };
        response?: object;
        assertions?: { assertion: string; skipped?: boolean }[];
      }[];
    };
  };
  type Options = { collection: object; environment: object; envVar: object[]; reporters: string[] };
  const newman: {
    run(options: Options, done: (error: Error | null, summary: NewmanRunSummary) => void): void;
  };
  export default newman;
}
