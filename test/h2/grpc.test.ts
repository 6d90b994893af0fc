// gRPC through the balancer, with a real client and a real server: every kind of call, statuses, deadlines, and streams that go
// on over a reload.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { L } from '../../src/core/counters.ts';
import { buildProbe } from '../../src/probes/index.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { type Proxy as Balancer, eventually, startProxy } from '../../src/testing/scenario.ts';

const bytes = { serialize: (value: Buffer): Buffer => value, deserialize: (value: Buffer): Buffer => value };

function method(name: string, requestStream: boolean, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  };
}

const SERVICE = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  repeat: method('Repeat', false, true),
  talk: method('Talk', true, true),
};
const HEALTH = {
  check: { ...method('', false, false), path: '/grpc.health.v1.Health/Check' },
};

interface Backend {
  readonly port: number;
  readonly cancelled: string[];
  health: number;
  server: grpc.Server;
}

async function backend(t: TestContext): Promise<Backend> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 20_000_000 });
  const cancelled: string[] = [];
  const made = { server, cancelled, health: 1 };
  server.addService(SERVICE, {
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
      const text = call.request.toString();
      call.on('cancelled', () => cancelled.push(text));
      if (text === 'slow') return;
      if (text.startsWith('fail ')) return done({ code: Number(text.slice(5)), details: 'as you wish: ü' });
      const metadata = new grpc.Metadata();
      metadata.set('x-seen', call.metadata.get('x-question').join());
      call.sendMetadata(metadata);
      const trailer = new grpc.Metadata();
      trailer.set('x-behind', 'late');
      done(null, call.request, trailer);
    },
    collect: (call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
      const parts: Buffer[] = [];
      call.on('data', (part: Buffer) => parts.push(part));
      call.on('end', () => done(null, Buffer.concat(parts)));
    },
    repeat: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      for (let i = 0; i < 100; i++) call.write(Buffer.from(`${call.request.toString()} ${i}`));
      call.end();
    },
    talk: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (part: Buffer) => call.write(Buffer.from(`${part.toString()}!`)));
      call.on('end', () => call.end());
      call.on('error', () => undefined);
    },
  });
  server.addService(HEALTH, {
    check: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
      const asked = call.request.length === 0 ? '' : call.request.subarray(2).toString();
      if (asked !== '' && asked !== 'test.Echo') return done({ code: grpc.status.NOT_FOUND });
      done(null, Buffer.of(0x08, made.health));
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  t.after(() => server.forceShutdown());
  return Object.assign(made, { port });
}

type Client = grpc.Client & {
  unary(
    request: Buffer,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    done: grpc.requestCallback<Buffer>,
  ): grpc.ClientUnaryCall;
  collect(done: grpc.requestCallback<Buffer>): grpc.ClientWritableStream<Buffer>;
  repeat(request: Buffer): grpc.ClientReadableStream<Buffer>;
  talk(): grpc.ClientDuplexStream<Buffer, Buffer>;
};

function client(t: TestContext, port: number): Client {
  const Made = grpc.makeClientConstructor(SERVICE, 'test.Echo');
  const made = new Made(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 20_000_000,
  }) as unknown as Client;
  t.after(() => made.close());
  return made;
}

interface Answer {
  readonly value: Buffer | undefined;
  readonly error: grpc.ServiceError | undefined;
  readonly metadata: grpc.Metadata | undefined;
  readonly status: grpc.StatusObject;
}

function unary(from: Client, text: string | Buffer, options: grpc.CallOptions = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const metadata = new grpc.Metadata();
    metadata.set('x-question', 'why');
    let head: grpc.Metadata | undefined;
    let result: [grpc.ServiceError | null, Buffer | undefined] = [null, undefined];
    const call = from.unary(Buffer.from(text as string), metadata, options, (error, value) => {
      result = [error, value];
    });
    call.on('metadata', (fields) => {
      head = fields;
    });
    call.on('status', (status) =>
      setImmediate(() => resolve({ value: result[1], error: result[0] ?? undefined, metadata: head, status })),
    );
  });
}

async function start(t: TestContext, more: Record<string, unknown> = {}): Promise<[Balancer, Client, Backend]> {
  const server = await backend(t);
  const proxy = await startProxy(t, {
    endpoints: [server.port],
    listener: { http2: true, ...more },
    pool: { protocol: 'h2', retries: 0, health: false },
  });
  return [proxy, client(t, proxy.port), server];
}

test('a unary call brings its message, its fields and what stands behind', async (t) => {
  const [proxy, from] = await start(t);
  const answer = await unary(from, 'hello');
  assert.equal(String(answer.value), 'hello');
  assert.deepEqual(answer.metadata?.get('x-seen'), ['why']);
  assert.deepEqual(answer.status.metadata.get('x-behind'), ['late']);
  const large = Buffer.alloc(5_000_000, 'x');
  assert.ok((await unary(from, large)).value?.equals(large));
  await eventually(() => proxy.counters.readListener(0, L.grpcStatus) === 2, 'both are counted as OK');
});

test('statuses and their words pass, are counted, and teach outlier detection', async (t) => {
  const [proxy, from] = await start(t);
  for (const code of [3, 5, 14]) {
    const { error } = await unary(from, `fail ${code}`);
    assert.equal(error?.code, code);
    assert.equal(error?.details, 'as you wish: ü');
    await eventually(() => proxy.counters.readListener(0, L.grpcStatus + code) === 1, `${code} is counted`);
  }
});

test('streams of either side and of both', async (t) => {
  const [, from] = await start(t);
  const collected = await new Promise<Buffer>((resolve, reject) => {
    const call = from.collect((error, value) => (error === null ? resolve(value!) : reject(error)));
    for (let i = 0; i < 100; i++) call.write(Buffer.from(`${i},`));
    call.end();
  });
  assert.equal(collected.toString().split(',').length, 101);
  const repeated: string[] = [];
  const call = from.repeat(Buffer.from('again'));
  call.on('data', (part: Buffer) => repeated.push(part.toString()));
  await once(call, 'end');
  assert.equal(repeated.length, 100);
  assert.equal(repeated[99], 'again 99');
});

test('a stream of both sides goes on over a reload, and new calls follow it', async (t) => {
  const [proxy, from, server] = await start(t);
  const talk = from.talk();
  const say = async (text: string): Promise<string> => {
    const answer = once(talk, 'data');
    talk.write(Buffer.from(text));
    return String(((await answer) as [Buffer])[0]);
  };
  assert.equal(await say('one'), 'one!');
  for (let i = 0; i < 5; i++) {
    await proxy.reload({
      listener: { http2: true, timeouts: { keepAlive: `${70 + i}s` } },
      pool: { protocol: 'h2', retries: 0, health: false, endpoints: [`127.0.0.1:${server.port}`] },
    });
    assert.equal(await say(`after reload ${i}`), `after reload ${i}!`);
    assert.equal(String((await unary(from, 'new')).value), 'new');
  }
  const ended = once(talk, 'status');
  talk.end();
  assert.equal(((await ended) as [grpc.StatusObject])[0].code, 0);
});

test('a stream outlives the limits for bodies, on either side, while its endpoint speaks', async (t) => {
  const server = await backend(t);
  const proxy = await startProxy(t, {
    endpoints: [server.port],
    listener: { http2: true, timeouts: { bodyIdle: '100ms' } },
    pool: { protocol: 'h2', health: false, connection: { bodyIdle: '100ms' } },
  });
  const talk = client(t, proxy.port).talk();
  const answers: string[] = [];
  talk.on('data', (part: Buffer) => answers.push(part.toString()));
  talk.write(Buffer.from('one'));
  await eventually(() => answers.length === 1, 'the first answer');
  await wait(500);
  talk.write(Buffer.from('two'));
  await eventually(() => answers.length === 2, 'the second answer');
  const ended = once(talk, 'status');
  talk.end();
  assert.equal(((await ended) as [grpc.StatusObject])[0].code, 0);
});

test('the deadline of the client ends the call on both sides', async (t) => {
  const [proxy, from, server] = await start(t);
  const { error } = await unary(from, 'slow', { deadline: Date.now() + 200 });
  assert.equal(error?.code, grpc.status.DEADLINE_EXCEEDED);
  await eventually(() => server.cancelled.length === 1, 'the server hears that nobody waits');
  await eventually(() => proxy.inFlight() === 0, 'the lease is given back');
});

test('a call that is cancelled is cancelled at the server', async (t) => {
  const [proxy, from, server] = await start(t);
  const call = from.unary(Buffer.from('slow'), new grpc.Metadata(), {}, () => undefined);
  await eventually(() => proxy.inFlight() === 1, 'the call runs');
  await wait(20);
  call.cancel();
  await eventually(() => server.cancelled.length === 1, 'it hears');
});

test('failures of the balancer are told in the words of gRPC', async (t) => {
  const [proxy, from, server] = await start(t, { limits: { body: 1000 } });
  const tooLarge = await unary(from, Buffer.alloc(5000));
  assert.equal(tooLarge.error?.code, grpc.status.RESOURCE_EXHAUSTED);
  assert.equal(tooLarge.error?.details, 'The request body is larger than this server allows.');
  server.server.forceShutdown();
  await wait(50);
  const gone = await unary(from, 'anybody?');
  assert.equal(gone.error?.code, grpc.status.UNAVAILABLE);
  await eventually(() => proxy.counters.readListener(0, L.grpcStatus + 14) >= 1, 'it is counted');
});

test('methods are routed by their paths', async (t) => {
  const server = await backend(t);
  const proxy = await startProxy(t, {
    endpoints: [server.port],
    listener: { http2: true, pool: undefined, routes: [{ path: '/test.Echo/Unary', pool: 'b' }] },
    pool: { protocol: 'h2', health: false },
  });
  const from = client(t, proxy.port);
  assert.equal(String((await unary(from, 'x')).value), 'x');
  const call = from.repeat(Buffer.from('x')).on('error', () => undefined);
  const status = await new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
  assert.equal(status.code, grpc.status.UNIMPLEMENTED);
});

test('the health check asks the server, or one of its services', async (t) => {
  const server = await backend(t);
  const check = async (service: string): Promise<string> => {
    const config = { kind: 'grpc', service, transport: { tls: undefined, h2: true } } as const;
    const probe = buildProbe(config, realEnv().clock);
    const { ok, evidence } = await probe.run({ host: '127.0.0.1', port: server.port }, AbortSignal.timeout(2000));
    return `${ok} ${evidence.replace(/ in .*/, '')}`;
  };
  assert.equal(await check(''), 'true gRPC health → SERVING');
  assert.equal(await check('test.Echo'), 'true gRPC health of test.Echo → SERVING');
  assert.equal(await check('other'), 'false gRPC health of other → it does not know the service');
  server.health = 2;
  assert.equal(await check(''), 'false gRPC health → NOT_SERVING');
  server.server.forceShutdown();
  await wait(50);
  assert.equal(await check(''), 'false gRPC health → connection refused');
});
