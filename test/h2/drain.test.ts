// The end of a drain: whoever still reads gets what is his, though all of it has left this process.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import {
  block,
  frame,
  GET,
  HEADERS,
  PREFACE,
  SETTINGS,
  setting,
  u32,
  WINDOW_UPDATE,
} from '../../src/testing/raw-h2.ts';
import { startProxy } from '../../src/testing/scenario.ts';
import { serve } from '../../src/testing/versions.ts';

test('a drain lets a steady, slow client of HTTP/2 have all of an answer', { timeout: 15_000 }, async (t) => {
  const size = 24_000_000;
  const { port } = await serve(t, 'h1', (served) => {
    served.head(200, { 'content-length': String(size) });
    served.end(Buffer.alloc(size));
  });
  const proxy = await startProxy(t, { endpoints: [port], listener: { http2: true }, pool: { retries: 0 } });
  const socket = connect(proxy.port, '127.0.0.1');
  const over = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  socket.on('error', () => undefined);
  socket.on('close', () => over.resolve());
  t.after(() => socket.destroy());
  const widest = 2 ** 31 - 200_000;
  socket.write(PREFACE);
  socket.write(frame(SETTINGS, 0, 0, setting(4, widest)));
  socket.write(frame(SETTINGS, 1, 0));
  socket.write(frame(WINDOW_UPDATE, 0, 0, u32(widest)));
  socket.write(frame(HEADERS, 5, 1, block(GET)));
  let sum = 0;
  socket.on('data', (part: Buffer) => {
    sum += part.length;
    begun.resolve();
    socket.pause();
    setTimeout(() => socket.resume(), sum > size - 8_000_000 ? 30 : 3);
    if (!socket.destroyed) socket.write(frame(WINDOW_UPDATE, 0, 0, u32(1)));
    if (sum >= size) over.resolve();
  });
  await begun.promise;
  proxy.plane.drain();
  await over.promise;
  assert.ok(sum >= size, `${sum} of ${size}`);
});
