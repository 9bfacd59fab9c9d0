import cors from 'cors';
import type { RequestHandler } from 'express';

/** Lets the front ends of `CORS_ORIGINS` read our answers, refusals included; nobody else. */
export function corsFor(origins: string[]): RequestHandler {
  return cors({
    origin: origins,
    credentials: true,
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders: ['X-Request-Id', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'WWW-Authenticate', 'Location'],
    maxAge: 600,
  });
}
