// The same with Fastify: sessions in Redis, through the same store.

import cookie from '@fastify/cookie';
import session from '@fastify/session';
import { createClient } from '@redis/client';
import { RedisStore } from 'connect-redis';
import Fastify from 'fastify';

declare module 'fastify' {
  interface Session {
    user?: string;
  }
}

const { PORT = '3001', REDIS_URL = 'redis://127.0.0.1:6379', SESSION_SECRET } = process.env;
if (SESSION_SECRET === undefined) throw new Error('SESSION_SECRET is needed, the same for all servers');

const redis = createClient({ url: REDIS_URL });
// It connects again by itself; without a listener the first error would end the process.
redis.on('error', (error: Error) => console.error('redis:', error.message));
await redis.connect();

// The balancer is in front: it says whether the client's connection is encrypted.
const app = Fastify({ trustProxy: '127.0.0.1' });
app.get('/health', (_request, reply) => reply.code(redis.isReady ? 200 : 503).send());
await app.register(cookie);
await app.register(session, {
  cookieName: 'sid',
  secret: SESSION_SECRET,
  store: new RedisStore({ client: redis, prefix: 'shop:session:' }),
  // Who has not logged in has no session.
  saveUninitialized: false,
  rolling: true,
  cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: 60 * 60 * 1000 },
});
app.addContentTypeParser(
  'application/x-www-form-urlencoded',
  { parseAs: 'string', bodyLimit: 1024 },
  (_request: unknown, body: string | Buffer) => Promise.resolve(Object.fromEntries(new URLSearchParams(String(body)))),
);

app.post<{ Body?: { user?: string } }>('/login', async (request, reply) => {
  const user = request.body?.user;
  if (user === undefined || user === '') return reply.code(400).send('who are you?\n');
  // A new id, so that nobody can have chosen it for the user beforehand.
  await request.session.regenerate();
  request.session.set('user', user);
  return `logged in on ${PORT}\n`;
});

app.get('/dashboard', (request, reply) => {
  const user = request.session.get('user');
  if (user === undefined) return reply.code(401).send('log in first\n');
  return reply.type('text/plain').send(`${user} on ${PORT}\n`);
});

app.post('/logout', async (request, reply) => {
  await request.session.destroy();
  return reply.clearCookie('sid').send('logged out\n');
});

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
console.log(`listens on ${PORT}`);
