import { build, step } from './build.mjs';

// npm only warns if Node is too old, and later errors are less helpful.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Gatelatch needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}

await step(build);

// In this process, not in a child: signals and exit codes are the server's own.
await import('../dist/main.js');
