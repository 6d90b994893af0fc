// gRPC-Web from a client of either version to a real server of gRPC: what a browser sends and what it gets.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { Base64Reader } from '../../src/http/grpc-web.ts';
import { startProxy } from '../../src/testing/scenario.ts';
import { asker, VERSIONS } from '../../src/testing/versions.ts';

const bytes = { serialize: (value: Buffer): Buffer => value, deserialize: (value: Buffer): Buffer => value };
const definition = (name: string, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> => ({
  path: `/test.Echo/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
});

async function backend(t: TestContext): Promise<number> {
  const server = new grpc.Server();
  server.addService(
    { unary: definition('Unary', false), repeat: definition('Repeat', true) },
    {
      unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
        if (call.request.toString() === 'fail') return done({ code: 9, details: 'not now' });
        done(null, call.request);
      },
      repeat: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
        for (let i = 0; i < 3; i++) call.write(Buffer.from(`${call.request.toString()} ${i}`));
        call.end();
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  t.after(() => server.forceShutdown());
  return port;
}

function message(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

function* messages(body: Buffer): Generator<[flags: number, text: string]> {
  for (let at = 0; at < body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    yield [body[at], body.subarray(at + 5, end).toString()];
    at = end;
  }
}

for (const version of VERSIONS) {
  for (const text of [false, true]) {
    const type = `application/grpc-web${text ? '-text' : ''}+proto`;
    test(`${type} over ${version}`, async (t) => {
      const port = await backend(t);
      const proxy = await startProxy(t, {
        endpoints: [port],
        listener: { http2: true },
        pool: { protocol: 'h2', health: false },
      });
      const client = asker(t, version, proxy.port);
      const ask = async (method: string, word: string) => {
        const body = text ? Buffer.from(message(word).toString('base64')) : message(word);
        const headers = { 'content-type': type, 'x-grpc-web': '1' };
        const answer = await client.ask({ method: 'POST', path: `/test.Echo/${method}`, headers, body });
        const reader = new Base64Reader();
        return { ...answer, parts: [...messages(text ? reader.decode(answer.body.toString())! : answer.body)] };
      };
      const unary = await ask('Unary', 'hello');
      assert.equal(unary.status, 200);
      assert.equal(unary.headers['content-type'], type);
      assert.equal(unary.parts.length, 2);
      assert.deepEqual(unary.parts[0], [0, 'hello']);
      assert.equal(unary.parts[1][0], 0x80);
      assert.match(unary.parts[1][1], /^grpc-status: 0\r\n/m);
      const repeated = await ask('Repeat', 'again');
      assert.deepEqual(repeated.parts.slice(0, 3), [
        [0, 'again 0'],
        [0, 'again 1'],
        [0, 'again 2'],
      ]);
      assert.equal(repeated.parts[3][0], 0x80);
      const failed = await ask('Unary', 'fail');
      const status = failed.headers['grpc-status'] ?? /grpc-status: (\d+)/.exec(failed.parts.at(-1)?.[1] ?? '')?.[1];
      assert.equal(status, '9');
    });
  }
}

test('base64 is read in pieces of any length, padded in between or not', () => {
  const whole =
    Buffer.from('one').toString('base64') +
    Buffer.from('four').toString('base64') +
    Buffer.from('!').toString('base64');
  for (let size = 1; size <= whole.length; size++) {
    const reader = new Base64Reader();
    const parts: Buffer[] = [];
    for (let at = 0; at < whole.length; at += size) parts.push(reader.decode(whole.slice(at, at + size))!);
    assert.equal(Buffer.concat(parts).toString(), 'onefour!');
  }
  assert.equal(new Base64Reader().decode('a?b='), undefined);
});
