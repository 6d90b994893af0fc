// A server whose users stay logged in whichever server answers: Express, with sessions in Redis. Start several, each with its
// PORT; what they share is REDIS_URL and SESSION_SECRET.

import { createClient } from '@redis/client';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';

declare module 'express-session' {
  interface SessionData {
    user: string;
  }
}

const { PORT = '3001', REDIS_URL = 'redis://127.0.0.1:6379', SESSION_SECRET } = process.env;
if (SESSION_SECRET === undefined) throw new Error('SESSION_SECRET is needed, the same for all servers');

const redis = createClient({ url: REDIS_URL });
// It connects again by itself; without a listener the first error would end the process.
redis.on('error', (error: Error) => console.error('redis:', error.message));
await redis.connect();

const app = express();
// The balancer is in front: it says whether the client's connection is encrypted.
app.set('trust proxy', 'loopback');
app.get('/health', (_request, response) => void response.status(redis.isReady ? 200 : 503).end());
app.use(express.urlencoded({ extended: false, limit: '1kb' }));
app.use(
  session({
    name: 'sid',
    secret: SESSION_SECRET,
    store: new RedisStore({ client: redis, prefix: 'shop:session:' }),
    resave: false,
    // Who has not logged in has no session.
    saveUninitialized: false,
    rolling: true,
    cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: 60 * 60 * 1000 },
  }),
);

app.post('/login', (request, response, next) => {
  const { user } = request.body as { user?: unknown };
  if (typeof user !== 'string' || user === '') return void response.status(400).send('who are you?\n');
  // A new id, so that nobody can have chosen it for the user beforehand.
  request.session.regenerate((error: unknown) => {
    if (error !== undefined && error !== null) return next(error);
    request.session.user = user;
    response.send(`logged in on ${PORT}\n`);
  });
});

app.get('/dashboard', (request, response) => {
  const { user } = request.session;
  if (user === undefined) return void response.status(401).send('log in first\n');
  response.type('text/plain').send(`${user} on ${PORT}\n`);
});

app.post('/logout', (request, response, next) => {
  request.session.destroy((error: unknown) => {
    if (error !== undefined && error !== null) return next(error);
    response.clearCookie('sid').send('logged out\n');
  });
});

app.listen(Number(PORT), '127.0.0.1', () => console.log(`listens on ${PORT}`));
