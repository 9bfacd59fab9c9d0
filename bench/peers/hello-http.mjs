// The floor: Node's HTTP server and nothing else.
import { createServer } from 'node:http';
import { announce } from './peer.mjs';

await announce(
  createServer((_req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ message: 'Hello' }));
  }),
);
