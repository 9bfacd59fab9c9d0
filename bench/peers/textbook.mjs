// As in tutorials: the secret is a string, and each request looks its user up.
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import jwt from 'jsonwebtoken';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { announce, openSameDatabase } from './peer.mjs';

const prisma = await openSameDatabase();
const id = randomUUID();
await prisma.user.create({ data: { id, username: id, usernameKey: id, passwordHash: 'none' } });

const secret = randomBytes(32).toString('hex');
passport.use(
  new Strategy(
    { jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: secret },
    async (payload, done) => {
      try {
        const user = await prisma.user.findUnique({ where: { id: payload.sub } });
        return done(null, user ?? false);
      } catch (error) {
        return done(error, false);
      }
    },
  ),
);

const app = express();
app.use(express.json());
app.use(passport.initialize());
app.get('/welcome', passport.authenticate('jwt', { session: false }), (_req, res) => {
  res.json({ message: 'Welcome' });
});
await announce(createServer(app), { token: jwt.sign({ sub: id }, secret, { expiresIn: '1h' }) });
