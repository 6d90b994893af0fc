// A real browser over HTTPS: a page with 100 images by HTTP/2, and a WebSocket on the same connection.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { L } from '../../src/core/counters.ts';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { findProgram } from '../../src/testing/programs.ts';
import { startProxy } from '../../src/testing/scenario.ts';

const IMAGES = 100;
const PATIENCE_MS = 40_000;
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>';
const PAGE = `<!doctype html><title>page</title><body><script>
const loaded = [];
for (let i = 0; i < ${IMAGES}; i++) {
  const image = new Image();
  loaded.push(new Promise((done) => { image.onload = () => done(true); image.onerror = () => done(false); }));
  image.src = '/image/' + i + '.svg';
  document.body.append(image);
}
Promise.all(loaded).then(async (all) => {
  const socket = new WebSocket('wss://' + location.host + '/socket');
  const said = await new Promise((done) => {
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => done(data);
    socket.onerror = () => done('error');
  });
  const protocols = [...new Set(performance.getEntriesByType('resource').map((one) => one.nextHopProtocol))];
  await fetch('/report', { method: 'POST', body: JSON.stringify({ images: all.filter(Boolean).length, protocols, said }) });
});
</script>`;

test('Chromium loads 100 images by HTTP/2 and talks over a WebSocket', async (t) => {
  const report = Promise.withResolvers<{ images: number; protocols: string[]; said: string }>();
  const server = createServer((request, response) => {
    if (request.url === '/report') {
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => {
        response.end();
        report.resolve(JSON.parse(body));
      });
    } else if (request.url?.startsWith('/image/') === true) {
      response.setHeader('content-type', 'image/svg+xml');
      response.end(SVG);
    } else {
      response.setHeader('content-type', 'text/html');
      response.end(PAGE);
    }
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (text: Buffer) => socket.send(`${text.toString()}!`)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    sockets.close();
    server.close();
    server.closeAllConnections();
  });
  const authority = await Authority.make();
  const files = new CertificateFolder(t).put('site', await authority.issue({ names: ['localhost'] }));
  const proxy = await startProxy(t, {
    endpoints: [(server.address() as AddressInfo).port],
    listener: { protocol: 'https', tls: { certificates: [files] } },
  });
  const profile = mkdtempSync(join(tmpdir(), 'evenkeel-chromium-'));
  const quiet = [
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    ...quiet,
    '--ignore-certificate-errors',
    `--user-data-dir=${profile}`,
  ];
  const browser = spawn(
    findProgram('chromium')!,
    [...flags, '--remote-debugging-port=0', `https://localhost:${proxy.port}/`],
    {
      stdio: 'ignore',
    },
  );
  const gone = new Promise((resolve) => browser.once('exit', resolve));
  const late = new Promise<never>((_, reject) => setTimeout(reject, PATIENCE_MS, new Error('no report came')).unref());
  const { images, protocols, said } = await Promise.race([report.promise, late]).finally(async () => {
    browser.kill();
    await gone;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  assert.equal(images, IMAGES);
  assert.deepEqual(protocols, ['h2']);
  assert.equal(said, 'hello!');
  assert.ok(proxy.counters.readListener(0, L.h2Requests) >= IMAGES);
  assert.ok(proxy.counters.readListener(0, L.tlsHandshakes) <= 4, 'few connections are enough');
});
