// A reverse proxy as a competent team writes it on node:http: keep-alive agent, header fields, streams with pipe.

import { Agent, createServer, type IncomingHttpHeaders, request } from 'node:http';
import { addForwarded, rivalFromArguments } from './common.ts';

const rival = rivalFromArguments();
const agent = new Agent({ keepAlive: true, maxFreeSockets: 2048 });
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

const withoutHops = (headers: IncomingHttpHeaders): IncomingHttpHeaders => {
  const kept = { ...headers };
  for (const name of HOP_BY_HOP) delete kept[name];
  return kept;
};

const server = createServer({ keepAliveTimeout: 75_000, requestTimeout: 0 }, (incoming, outgoing) => {
  const headers = withoutHops(incoming.headers);
  addForwarded(headers, incoming.socket.remoteAddress);
  const { host, port } = rival.next();
  const upstream = request({ host, port, method: incoming.method, path: incoming.url, headers, agent }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, withoutHops(response.headers));
    response.pipe(outgoing);
  });
  upstream.on('error', () => {
    if (outgoing.headersSent) return outgoing.destroy();
    outgoing.writeHead(502).end();
  });
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) upstream.destroy();
  });
  const hasBody =
    incoming.headers['content-length'] !== undefined || incoming.headers['transfer-encoding'] !== undefined;
  if (hasBody) incoming.pipe(upstream);
  else upstream.end();
});
server.listen(rival.port, '127.0.0.1', 4096);
