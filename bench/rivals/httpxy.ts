// httpxy's proxy server with a keep-alive agent; it adds the X-Forwarded fields by itself.

import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'httpxy';
import { requestId, rivalFromArguments } from './common.ts';

const rival = rivalFromArguments();
const agent = new Agent({ keepAlive: true, maxFreeSockets: 2048 });
const proxy = createProxyServer({ agent, xfwd: true });

const server = createServer({ keepAliveTimeout: 75_000, requestTimeout: 0 }, (request, response) => {
  request.headers['x-request-id'] ??= requestId();
  proxy.web(request, response, { target: rival.next().origin }).catch(() => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
});
server.listen(rival.port, '127.0.0.1', 4096);
