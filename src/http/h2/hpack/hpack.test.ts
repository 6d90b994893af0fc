import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { HpackDecoder } from './decoder.ts';
import { encodeFields, NO_DYNAMIC_TABLE } from './encoder.ts';
import { decodeHuffman } from './huffman.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function read(decoder: HpackDecoder, block: Buffer, most = 10_000): string[] | string {
  return decoder.decode(block, 0, block.length, most, 100) ?? decoder.fields;
}

test('the requests of RFC 7541 C.3 and C.4 read as it says, table and all', () => {
  const plain = [
    '828684410f7777772e6578616d706c652e636f6d',
    '828684be58086e6f2d6361636865',
    '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
  ];
  const coded = [
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '828684be5886a8eb10649cbf',
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  ];
  for (const blocks of [plain, coded]) {
    const decoder = new HpackDecoder(4096);
    const first = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
    assert.deepEqual(read(decoder, hex(blocks[0])), first);
    assert.deepEqual(read(decoder, hex(blocks[1])), [...first, 'cache-control', 'no-cache']);
    assert.deepEqual(read(decoder, hex(blocks[2])), [
      ':method',
      'GET',
      ':scheme',
      'https',
      ':path',
      '/index.html',
      ':authority',
      'www.example.com',
      'custom-key',
      'custom-value',
    ]);
  }
});

test('the responses of RFC 7541 C.6, with a table so small that entries leave it', () => {
  const decoder = new HpackDecoder(256);
  const date = 'Mon, 21 Oct 2013 20:13:21 GMT';
  const rest = ['cache-control', 'private', 'date', date, 'location', 'https://www.example.com'];
  const first =
    '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3';
  assert.deepEqual(read(decoder, hex(first)), [':status', '302', ...rest]);
  assert.deepEqual(read(decoder, hex('4883640effc1c0bf')), [':status', '307', ...rest]);
  const third =
    '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007';
  assert.deepEqual(read(decoder, hex(third)), [
    ':status',
    '200',
    'cache-control',
    'private',
    'date',
    'Mon, 21 Oct 2013 20:13:22 GMT',
    'location',
    'https://www.example.com',
    'content-encoding',
    'gzip',
    'set-cookie',
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ]);
});

const BROKEN: readonly (readonly [string, string])[] = [
  ['index 0', '80'],
  ['an index that stands for nothing', 'be'],
  ['a name by an index that stands for nothing', '7e0161'],
  ['a number without an end', 'ffffffffff'],
  ['a number larger than anything', 'ffffffffff7f'],
  ['a string longer than the block', '000561'],
  ['a name and no value', '000161'],
  ['a table larger than allowed', '3fe21f'],
  ['a size behind a field', '8220'],
  ['padding that is no padding', '0081000161'],
  ['eight bits of padding', '00811fff0161'],
  ['the symbol that must not be sent', '0084ffffffff0161'],
];
for (const [what, block] of BROKEN) {
  test(`broken: ${what}`, () => assert.equal(read(new HpackDecoder(4096), hex(block)), 'broken'));
}

test('too much is refused, and the table is right all the same', () => {
  const decoder = new HpackDecoder(4096);
  assert.equal(read(decoder, hex('400a637573746f6d2d6b65790c637573746f6d2d76616c7565'), 50), 'too-large');
  assert.deepEqual(read(decoder, hex('be')), ['custom-key', 'custom-value']);
});

test('one entry named again and again is bounded by what it would become', () => {
  const decoder = new HpackDecoder(4096);
  const entry = Buffer.concat([hex('40017f81'), hex('16'), Buffer.alloc(149, 0x61)]);
  const bomb = Buffer.concat([hex('4001627f'), hex('3d'), Buffer.alloc(188, 0x61), Buffer.alloc(16_000, 0xbe)]);
  assert.ok(entry.length > 0);
  assert.equal(read(decoder, bomb, 16_384), 'too-large');
  assert.ok(decoder.fields.length < 200);
});

test('what we write is read back, by a decoder that was told of no table', () => {
  const fields = [
    ':status',
    '200',
    'content-type',
    'text/html',
    'x-long',
    'a'.repeat(40_000),
    'x-empty',
    '',
    'x-high',
    '\x80\xff',
  ];
  const block = Buffer.from(NO_DYNAMIC_TABLE + encodeFields(fields), 'latin1');
  assert.deepEqual(read(new HpackDecoder(4096), block, 100_000), fields);
});

test('no bytes make the decoder throw or remember more than its table', () => {
  const decoder = new HpackDecoder(4096);
  for (let i = 0; i < 20_000; i++) {
    const block = randomBytes(randomInt(80));
    const result = decoder.decode(block, 0, block.length, 1000, 20);
    assert.ok(result === undefined || result === 'broken' || result === 'too-large');
    assert.ok(decoder.fields.length <= 42);
  }
});

test('every byte has a code', () => {
  assert.equal(decodeHuffman(hex('f1e3c2e5f23a6ba0ab90f4ff'), 0, 12), 'www.example.com');
  assert.equal(decodeHuffman(hex(''), 0, 0), '');
});
