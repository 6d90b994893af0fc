// @fastify/http-proxy as its documentation sets it up, on undici with keep-alive, without logging.

import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { addForwarded, rivalFromArguments } from './common.ts';

const rival = rivalFromArguments();
const app = fastify({ logger: false, keepAliveTimeout: 75_000, bodyLimit: 1024 * 1024 * 1024 });
await app.register(httpProxy, {
  upstream: '',
  undici: { connections: 512, pipelining: 1, keepAliveTimeout: 60_000 },
  replyOptions: {
    getUpstream: () => rival.next().origin,
    rewriteRequestHeaders: (request, headers) => {
      const own = { ...headers, host: request.headers.host };
      addForwarded(own, request.socket.remoteAddress);
      return own;
    },
    // Its answer would carry the backend's own `connection: keep-alive` to clients that asked for a close.
    rewriteHeaders: (headers) => {
      const { connection: _, ...own } = headers;
      return own;
    },
  },
});
await app.listen({ port: rival.port, host: '127.0.0.1', backlog: 4096 });
