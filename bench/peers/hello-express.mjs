// A bare Express 5 hello as shipped: nothing switched off, nothing added. `app.listen` is `createServer(app).listen`.
import { createServer } from 'node:http';
import express from 'express';
import { announce } from './peer.mjs';

const app = express();
app.get('/', (_req, res) => {
  res.json({ message: 'Hello' });
});
await announce(createServer(app));
