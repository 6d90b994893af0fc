import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyReader } from './body.ts';
import { CHUNKED } from './request-parser.ts';
import { UNTIL_CLOSE } from './response-parser.ts';

interface Read {
  /** What would be passed on. */
  readonly out: string;
  readonly done: boolean;
  /** Bytes that belong to the body. */
  readonly used: number;
  readonly payload: string;
  readonly broken: boolean;
}

/** Feeds `text` in pieces cut at `cuts`, as reads would bring them. */
function read(text: string, length: number, cuts: readonly number[] = []): Read {
  const reader = new BodyReader();
  reader.start(length, true);
  const bytes = Buffer.from(text, 'latin1');
  let out = '';
  let payload = '';
  let used = 0;
  for (const [i, from] of [0, ...cuts].entries()) {
    const to = cuts[i] ?? bytes.length;
    if (reader.done || from === to) continue;
    const next = reader.consume(bytes, from, to);
    if (next < 0) return { out, done: false, used, payload, broken: true };
    out += bytes.toString('latin1', from, reader.verbatimEnd) + reader.tail;
    if (length === CHUNKED) {
      for (let r = 0; r < reader.runs.length; r += 2)
        payload += bytes.toString('latin1', reader.runs[r], reader.runs[r + 1]);
    } else payload += bytes.toString('latin1', from, reader.verbatimEnd);
    used = next;
  }
  return { out, done: reader.done, used, payload, broken: false };
}

/** Every way to cut in two, and byte by byte. */
function* cuttings(text: string): Generator<number[]> {
  yield [];
  for (let at = 1; at < text.length; at++) yield [at];
  yield Array.from({ length: text.length - 1 }, (_, i) => i + 1);
}

test('bodies by length end where they say', () => {
  for (const cuts of cuttings('hello, next')) {
    const result = read('hello, next', 5, cuts);
    assert.deepEqual(result, { out: 'hello', done: true, used: 5, payload: 'hello', broken: false });
  }
  assert.equal(read('hel', 5).done, false);
  assert.equal(read('', 0).done, true);
});

test('bodies that end with the connection take everything', () => {
  const result = read('hello', UNTIL_CLOSE, [2]);
  assert.deepEqual(result, { out: 'hello', done: false, used: 5, payload: 'hello', broken: false });
});

test('chunks are passed on as they came, cut anywhere', () => {
  const text = '5\r\nhello\r\n00A;name="va\tl\xe9";x\r\n0123456789\r\n0;last\r\n\r\n';
  for (const cuts of cuttings(`${text}GET`)) {
    const result = read(`${text}GET`, CHUNKED, cuts);
    assert.deepEqual(result, { out: text, done: true, used: text.length, payload: 'hello0123456789', broken: false });
  }
  for (let end = 0; end < text.length; end++) assert.equal(read(text.slice(0, end), CHUNKED).done, false);
});

test('trailers are rebuilt without those that matter, cut anywhere', () => {
  const text =
    '1\r\nx\r\n0\r\nA: 1\r\nContent-Length: 5\r\nHost: evil\r\nset-cookie: x\r\nB:2\r\nX_Forwarded_For: 1\r\n\r\n';
  for (const cuts of cuttings(`${text}GET`)) {
    const { out, done, used } = read(`${text}GET`, CHUNKED, cuts);
    assert.equal(out, '1\r\nx\r\n0\r\nA: 1\r\nB: 2\r\n\r\n');
    assert.ok(done);
    assert.equal(used, text.length);
  }
});

const BROKEN: Record<string, string> = {
  'no size': '\r\nx',
  'an empty size with extension': ';x\r\n',
  'a size in decimal with letters': '5g\r\n',
  'a sign': '+5\r\n',
  'a minus': '-5\r\n',
  'a prefix': '0x5\r\n',
  'a space before': ' 5\r\n',
  'a space after': '5 \r\n',
  'a tab after': '5\t\r\n',
  'a size of 14 digits': '00000000000005\r\n',
  'an LF after the size': '5\nhello',
  'a CR without LF after the size': '5\rhello',
  'no CRLF after the data': '5\r\nhello0\r\n',
  'an LF after the data': '5\r\nhello\n0\r\n',
  'data longer than said': '5\r\nhello!\r\n',
  'an empty extension': '5;\r\n',
  'NUL in an extension': '5;a\0\r\n',
  'LF in an extension': '5;a\nb\r\n',
  'CR in an extension': '5;a\rb\r\n',
  'DEL in an extension': '5;a\x7f\r\n',
  'an endless extension': `5;${'x'.repeat(600)}`,
  'a folded trailer': '0\r\nA: b\r\n c\r\n\r\n',
  'a trailer with an LF': '0\r\nA: b\n\r\n',
  'a trailer without name': '0\r\n: b\r\n\r\n',
  'an LF for the last line': '0\r\n\n',
  'too many trailers': `0\r\n${'A: b\r\n'.repeat(101)}\r\n`,
  'too long a trailer': `0\r\nA: ${'b'.repeat(20_000)}`,
};
for (const [what, text] of Object.entries(BROKEN)) {
  test(`broken chunks: ${what}`, () => {
    assert.ok(read(text, CHUNKED).broken);
    if (text.length < 1000) for (const cuts of cuttings(text)) assert.ok(read(text, CHUNKED, cuts).broken, cuts.join());
  });
}

test('a reader that is used again has forgotten everything', () => {
  const reader = new BodyReader();
  const feed = (text: string) => {
    const bytes = Buffer.from(text);
    return reader.consume(bytes, 0, bytes.length);
  };
  reader.start(CHUNKED);
  feed('5\r\nhe');
  reader.start(CHUNKED);
  assert.equal(feed('1\r\nx\r\n0\r\nA: b\r\n'), 15);
  assert.equal(reader.done, false);
  reader.start(CHUNKED);
  assert.equal(feed('0\r\n\r\n'), 5);
  assert.ok(reader.done);
  assert.equal(reader.payload, 0);
  reader.start(3);
  assert.equal(feed('abcd'), 3);
  assert.equal(reader.payload, 3);
});
