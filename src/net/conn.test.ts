import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { realEnv } from '../runtime/real-env.ts';
import { RawSocket } from '../testing/raw-socket.ts';
import type { Conn, ConnOwner } from './conn.ts';
import { dial } from './dial.ts';
import { NetLoop } from './loop.ts';
import { TcpListener } from './tcp-listener.ts';

/** Keeps what happens to a connection. */
class Recorder implements ConnOwner {
  conn!: Conn;
  readonly events: string[] = [];
  received = '';
  attach(conn: Conn): void {
    this.conn = conn;
  }
  onConnect(): void {
    this.events.push('connect');
  }
  onData(buffer: Buffer, length: number): void {
    this.received += buffer.latin1Slice(0, length);
  }
  onEnd(): void {
    this.events.push('end');
  }
  onDrain(): void {
    this.events.push('drain');
  }
  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.events.push(`close${error === undefined ? '' : ` ${error.code}`}`);
  }
  onDeadline(): void {
    this.events.push('deadline');
  }
  saw(event: string): number {
    return this.events.filter((seen) => seen.startsWith(event)).length;
  }
}

async function listen(t: TestContext, owner: () => ConnOwner & { attach(conn: Conn): void }, adopt: boolean) {
  const loop = new NetLoop(realEnv().clock);
  const listener = new TcpListener(loop, { accept: () => ({ leave: () => undefined }), open: owner });
  await listener.listen({ host: '127.0.0.1', port: 0 }, { shared: false, adopt });
  t.after(() => listener.close());
  assert.equal(listener.adopting, adopt);
  return { loop, port: listener.port };
}

/** A connection of ours and the raw peer at its other end. */
async function pair(t: TestContext, adopt = true) {
  const recorder = new Recorder();
  const { loop, port } = await listen(t, () => recorder, adopt);
  const peer = new RawSocket(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
  t.after(() => peer.socket.destroy());
  await until(() => recorder.conn !== undefined);
  return { recorder, conn: recorder.conn, peer, loop };
}

async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!condition()) {
    assert.ok(performance.now() < limit, 'not reached');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Passes everything to another connection the way the proxy does: private buffer, and a pause while a write is pending. */
class Relay implements ConnOwner {
  conn!: Conn;
  readonly #to: number;
  readonly #frame: boolean;
  target!: Conn;
  pauses = 0;
  constructor(to: number, frame: boolean) {
    this.#to = to;
    this.#frame = frame;
  }
  attach(conn: Conn): void {
    this.conn = conn;
    conn.beginBody();
    const nothing = (): void => undefined;
    this.target = dial(
      conn.loop,
      { host: '127.0.0.1', port: this.#to },
      {
        onConnect: nothing,
        onData: nothing,
        onEnd: nothing,
        onDrain: () => conn.resume(),
        onClose: nothing,
        onDeadline: nothing,
      },
    );
  }
  onConnect(): void {}
  onData(buffer: Buffer, length: number): void {
    if (this.target.sendBytes(this.conn, buffer, 0, length, this.#frame ? '~' : '')) return;
    this.pauses++;
    this.conn.pause();
  }
  onEnd(): void {
    this.conn.endBody(this.conn.paused);
    this.target.end();
  }
  onDrain(): void {}
  onClose(): void {}
  onDeadline(): void {}
}

for (const adopt of [true, false]) {
  for (const frame of [false, true]) {
    test(`${frame ? 20 : 50} MiB from private buffers to a slow reader arrive unharmed (adopt ${adopt}, framed ${frame})`, async (t) => {
      const size = (frame ? 20 : 50) * 1024 * 1024;
      const words = new Uint32Array(size / 4).map((_, i) => Math.imul(i + 1, 2654435761));
      // The frame's own bytes do not occur in the data, so that they can be taken out again.
      const data = Buffer.from(words.buffer).map((byte) => (byte === 126 || byte === 13 || byte === 10 ? 0 : byte));
      const received = createHash('sha1');
      let count = 0;
      let finished = false;
      const sink = createServer((socket: Socket) => {
        let pauses = 0;
        socket.on('data', (chunk) => {
          const bytes = frame ? Buffer.from(chunk.filter((byte) => byte !== 126 && byte !== 13 && byte !== 10)) : chunk;
          received.update(bytes);
          count += bytes.length;
          if (count < ++pauses * 4 * 1024 * 1024) return;
          socket.pause();
          setTimeout(() => socket.resume(), 5);
        });
        socket.on('end', () => {
          finished = true;
        });
      });
      await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
      t.after(() => sink.close());
      const relays: Relay[] = [];
      const { port } = await listen(
        t,
        () => {
          const relay = new Relay((sink.address() as { port: number }).port, frame);
          relays.push(relay);
          return relay;
        },
        adopt,
      );
      connect(port, '127.0.0.1').end(data);
      await until(() => finished);
      assert.equal(count, size);
      assert.equal(received.digest('hex'), createHash('sha1').update(data).digest('hex'));
      assert.ok(relays[0].pauses > 0, 'the sender was paused');
      relays[0].conn.destroy();
      relays[0].target.destroy();
    });
  }

  test(`text in many sizes arrives in order (adopt ${adopt})`, async (t) => {
    const { conn, peer, recorder } = await pair(t, adopt);
    let expected = '';
    for (let i = 0; i < 400; i++) {
      const text = String.fromCharCode(65 + (i % 26)).repeat((i * 7919) % 40_000);
      expected += text;
      const bytes = Buffer.from(text, 'latin1');
      if (i % 3 === 0) conn.sendText(text);
      else if (i % 3 === 1) conn.sendTextAndBytes('', bytes, 0, bytes.length);
      else conn.sendBytes(conn, bytes, 0, bytes.length);
    }
    assert.equal(conn.blocked, true);
    await peer.until(() => peer.total === expected.length, 'all');
    assert.equal(peer.text, expected);
    await until(() => !conn.blocked);
    assert.equal(recorder.saw('drain'), 1);
    assert.equal(conn.pending, 0);
    conn.destroy();
  });

  test(`a send that the kernel does not take at once drains later (adopt ${adopt})`, async (t) => {
    const { conn, peer, recorder } = await pair(t, adopt);
    peer.socket.pause();
    let sent = 0;
    while (conn.sendText('x'.repeat(10_000)) && sent < 1e9) sent += 10_000;
    assert.ok(conn.pending > 0);
    assert.equal(conn.blocked, true);
    conn.end();
    peer.socket.resume();
    await peer.untilEnded();
    assert.equal(peer.total, sent + 10_000, 'the end comes after everything');
    await until(() => recorder.saw('drain') === 1);
    conn.destroy();
  });

  test(`however it ends, it ends once (adopt ${adopt})`, async (t) => {
    for (const how of ['destroy', 'reset', 'peer reset', 'both ended'] as const) {
      const { conn, peer, recorder, loop } = await pair(t, adopt);
      if (how === 'destroy') conn.destroy();
      else if (how === 'reset') conn.reset();
      else if (how === 'peer reset') peer.reset();
      else {
        peer.end();
        conn.end();
      }
      await until(() => recorder.saw('close') > 0);
      conn.destroy();
      conn.reset();
      conn.end();
      conn.pause();
      conn.resume();
      assert.doesNotThrow(() => conn.sendText('too late'));
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(recorder.saw('close'), 1, how);
      assert.equal(loop.watched, 0);
      assert.equal(recorder.events.includes('close ECONNRESET'), how === 'peer reset');
      if (how === 'reset') assert.equal(await peer.untilEnded(), 'reset');
    }
  });
}

test('a dial that fails closes with its reason', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const recorder = new Recorder();
  dial(new NetLoop(realEnv().clock), { host: '127.0.0.1', port }, recorder);
  await until(() => recorder.events.length > 0);
  assert.deepEqual(recorder.events, ['close ECONNREFUSED']);
});

test('deadlines: once, never early by more than a sweep, and 0 disarms', async (t) => {
  const { conn, recorder } = await pair(t);
  conn.expireIn(50);
  conn.expireIn(0);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(recorder.saw('deadline'), 0);
  const armed = performance.now();
  conn.expireIn(250);
  await until(() => recorder.saw('deadline') === 1);
  const took = performance.now() - armed;
  assert.ok(took >= 140 && took < 1500, `${took}`);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(recorder.saw('deadline'), 1);
  conn.destroy();
});

test('a paused connection delivers nothing, and then everything', async (t) => {
  for (const adopt of [true, false]) {
    const { conn, peer, recorder } = await pair(t, adopt);
    conn.pause();
    peer.write('hello');
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(recorder.received, '');
    conn.resume();
    await until(() => recorder.received === 'hello');
    conn.destroy();
  }
});
