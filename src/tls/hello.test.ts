import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { realHello } from '../testing/client-hello.ts';
import { type ClientHello, MOST_HELLO_BYTES, MOST_RECORDS, parseClientHello } from './hello.ts';

const read = (bytes: Buffer) => parseClientHello(bytes, 0, bytes.length);

/** The same message, cut into records of `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

const block = (size: 1 | 2, content: Buffer): Buffer => {
  const head = Buffer.alloc(size);
  head.writeUIntBE(content.length, 0, size);
  return Buffer.concat([head, content]);
};

const extension = (type: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type >> 8, type & 255]), block(2, body)]);
const serverName = (name: string): Buffer =>
  extension(0, block(2, Buffer.concat([Buffer.from([0]), block(2, Buffer.from(name, 'latin1'))])));
const protocols = (...names: string[]): Buffer =>
  extension(16, block(2, Buffer.concat(names.map((name) => block(1, Buffer.from(name, 'latin1'))))));

function hello(...extensions: Buffer[]): Buffer {
  const all = extensions.length === 0 ? Buffer.alloc(0) : block(2, Buffer.concat(extensions));
  const body = Buffer.concat([
    Buffer.alloc(34, 3),
    block(1, Buffer.alloc(32)),
    block(2, Buffer.from([19, 1])),
    block(1, Buffer.from([0])),
    all,
  ]);
  const message = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), block(2, message)]);
}

test('the hello of a real client gives its server name and protocols, in however many records it comes', async () => {
  const bytes = await realHello('App.Example.COM', ['h2', 'http/1.1']);
  for (const size of [bytes.length, 200, 100, Math.ceil((bytes.length - 5) / MOST_RECORDS)]) {
    assert.deepEqual(read(inRecords(bytes, size)), { sni: 'app.example.com', alpn: ['h2', 'http/1.1'] }, `${size}`);
  }
});

test('every prefix of a hello wants more, and never more than there is', async () => {
  const bytes = await realHello('a.example', ['h2']);
  for (const whole of [bytes, inRecords(bytes, 50)]) {
    for (let length = 0; length < whole.length; length++) {
      const wanted = parseClientHello(whole, 0, length);
      assert.ok(
        typeof wanted === 'number' && wanted > length && wanted <= whole.length,
        `${length}: ${JSON.stringify(wanted)}`,
      );
    }
  }
});

test('made-up extensions and protocols (GREASE) are passed over', () => {
  const bytes = hello(
    extension(0x0a0a, Buffer.alloc(1)),
    serverName('a.b'),
    protocols('\x4a\x4a', 'h2'),
    extension(0xfafa, Buffer.alloc(0)),
  );
  assert.deepEqual(read(bytes), { sni: 'a.b', alpn: ['\x4a\x4a', 'h2'] });
});

test('a client that names nobody, and one without any extension', () => {
  assert.deepEqual(read(hello()), { sni: '', alpn: [] });
  assert.deepEqual(read(hello(protocols('h2'))), { sni: '', alpn: ['h2'] });
  assert.deepEqual(read(hello(serverName('a.b.'))), { sni: 'a.b', alpn: [] });
});

test('other protocols are none of TLS, from their first byte or their second', () => {
  for (const text of ['GET / HTTP/1.1\r\n', 'SSH-2.0-x\r\n', '\x80\x2e\x01\x03\x01', '\x16\x02\x00', '\x00']) {
    assert.equal(read(Buffer.from(text, 'latin1')), 'absent');
  }
});

test('malformed hellos are invalid', () => {
  const good = hello(serverName('a.b'));
  const with_ = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes[at] = value;
    return bytes;
  };
  assert.equal(read(with_(5, 2)), 'invalid', 'a ServerHello');
  assert.equal(read(with_(6, 1)), 'invalid', 'a message of more than 64 KiB');
  assert.equal(read(with_(43, 255)), 'invalid', 'a session longer than the message');
  assert.equal(read(hello(serverName('a.b'), serverName('c.d'))), 'invalid', 'two names');
  assert.equal(read(hello(serverName('a b'))), 'invalid', 'a name with a space');
  assert.equal(read(hello(serverName('a\0b'))), 'invalid', 'a name with a NUL');
  assert.equal(read(hello(serverName(''))), 'invalid', 'an empty name');
  assert.equal(read(hello(protocols())), 'invalid', 'no protocol');
  assert.equal(read(hello(extension(0, Buffer.from([0, 9, 0])))), 'invalid', 'a cut extension');
  assert.equal(
    read(Buffer.concat([inRecords(good, 10).subarray(0, 15), Buffer.from([23, 3, 1, 0, 1, 0])])),
    'invalid',
    'another kind of record in between',
  );
  assert.equal(read(Buffer.from([22, 3, 1, 0, 0])), 'invalid', 'an empty record');
});

test('one that goes on and on, or comes in crumbs, is invalid before it is kept', async () => {
  const endless = Buffer.concat([Buffer.alloc(5), Buffer.from([1, 0, 0x3f, 0xfc]), Buffer.alloc(40_000)]);
  const long = inRecords(endless, 1000);
  assert.equal(parseClientHello(long, 0, MOST_HELLO_BYTES + 1100), 'invalid');
  assert.equal(read(inRecords(await realHello('a.example', ['h2']), 1)), 'invalid');
});

test('bytes at random never throw, and a changed byte never reads past the end', async () => {
  const real = await realHello('app.example.com', ['h2']);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void read(Buffer.from([22, 3, 1, ...bytes]))));
  fc.assert(
    fc.property(fc.nat(real.length - 1), fc.nat(255), (at, value) => {
      const bytes = Buffer.from(real);
      bytes[at] = value;
      const result = read(bytes) as ClientHello | string | number;
      assert.ok(typeof result !== 'object' || typeof result.sni === 'string');
    }),
  );
});
