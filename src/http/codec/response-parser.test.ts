import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHUNKED } from './request-parser.ts';
import { ResponseParser, UNTIL_CLOSE } from './response-parser.ts';

const parser = new ResponseParser();
function parse(text: string, toHead = false): number {
  const bytes = Buffer.from(text, 'latin1');
  return parser.parse(bytes, 0, bytes.length, toHead);
}
const head = (fields: string, start = 'HTTP/1.1 200 OK') => `${start}\r\n${fields}\r\n`;

const REFUSED: Record<string, string> = {
  'both framings': head('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
  'two equal lengths': head('Content-Length: 1\r\nContent-Length: 1\r\n'),
  'a list of lengths': head('Content-Length: 1, 1\r\n'),
  'a length with a sign': head('Content-Length: +1\r\n'),
  'an unknown coding': head('Transfer-Encoding: gzip\r\n'),
  'two codings': head('Transfer-Encoding: gzip, chunked\r\n'),
  'an empty member': head('Transfer-Encoding: chunked,\r\n'),
  'a no-break space': head('Transfer-Encoding: \xa0chunked\r\n'),
  'a coding in HTTP/1.0': head('Transfer-Encoding: chunked\r\n', 'HTTP/1.0 200 OK'),
  'both framings in an answer without body': head(
    'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n',
    'HTTP/1.1 304 x',
  ),
  'chunked with a tab behind': head('Transfer-Encoding: chunked\t\r\n'),
  'HTTP/2': head('', 'HTTP/2 200'),
  'HTTP/0.9': '<html>hello</html>\r\n\r\n',
  'lower case': head('', 'http/1.1 200 OK'),
  'status 099': head('', 'HTTP/1.1 099 x'),
  'status 600': head('', 'HTTP/1.1 600 x'),
  'status 20': head('', 'HTTP/1.1 20 OK'),
  'status 2000': head('', 'HTTP/1.1 2000 OK'),
  'status in hex': head('', 'HTTP/1.1 2a0 OK'),
  'two spaces': head('', 'HTTP/1.1  200 OK'),
  'a control character in the reason': head('', 'HTTP/1.1 200 O\x01K'),
  'a bare CR in the reason': head('', 'HTTP/1.1 200 O\rK'),
  'a folded field': head('A: b\r\n c\r\n'),
  'an empty line first': `\r\n${head('')}`,
  'more than 64 KiB': `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(70_000)}`,
  'more than 1000 fields': head('A: b\r\n'.repeat(1001)),
  '256 codings': head('Transfer-Encoding: chunked\r\n'.repeat(256)),
};
for (const [what, text] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => {
    assert.equal(parse(text), -1);
    const bytes = Buffer.from(text, 'latin1');
    for (let end = Math.max(0, bytes.length - 300); end < bytes.length; end++)
      assert.ok(parser.parse(bytes, 0, end, false) <= 0, `cut at ${end}`);
  });
}

test('how long the body is', () => {
  const length = (text: string, toHead = false) => {
    assert.equal(parse(text, toHead), text.length);
    return parser.bodyLength;
  };
  assert.equal(length(head('Content-Length: 7\r\n')), 7);
  assert.equal(length(head('Transfer-Encoding: Chunked\r\n')), CHUNKED);
  assert.equal(length(head('')), UNTIL_CLOSE);
  assert.equal(length(head('Content-Length: 7\r\n'), true), 0);
  for (const status of ['100 x', '199 x', '204 x', '304 x'])
    assert.equal(length(head('Content-Length: 7\r\n', `HTTP/1.1 ${status}`)), 0, status);
});

test('status lines without reason, with and without the space', () => {
  for (const start of ['HTTP/1.1 200 ', 'HTTP/1.1 200', 'HTTP/1.0 404 Not  Found', 'HTTP/1.1 299 \xe9\t']) {
    const text = head('Content-Length: 0\r\n', start);
    for (let end = 0; end < text.length; end++) assert.equal(parse(text.slice(0, end)), 0, `${start} cut at ${end}`);
    assert.equal(parse(text), text.length);
  }
});

test('what the connection may do afterwards', () => {
  const keep = (fields: string, start?: string) => {
    parse(head(fields, start));
    return parser.keepAlive;
  };
  assert.equal(keep(''), true);
  assert.equal(keep('Connection: x, close\r\n'), false);
  assert.deepEqual(parser.connectionNames, ['x']);
  assert.equal(keep('', 'HTTP/1.0 200 OK'), false);
  assert.equal(keep('Connection: Keep-Alive\r\n', 'HTTP/1.0 200 OK'), true);
});
