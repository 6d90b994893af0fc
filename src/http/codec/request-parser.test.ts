import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS } from '../../core/error.ts';
import { CHUNKED, parseLength, RequestParser } from './request-parser.ts';

const LIMITS = { headBytes: 16_384, fields: 100, targetBytes: 8192 };
const parser = new RequestParser();

/** What became of a head: its own length means accepted, 0 incomplete, and a status refused. */
function parse(text: string, limits = LIMITS): { end: number; status: number } {
  const bytes = Buffer.from(text, 'latin1');
  const end = parser.parse(bytes, 0, bytes.length, limits);
  return { end, status: end < 0 ? ERRORS[parser.error].status : 0 };
}
const accepted = (text: string): RequestParser => {
  assert.deepEqual(parse(text), { end: text.length, status: 0 }, JSON.stringify(text));
  return parser;
};
const get = (fields: string, start = 'GET / HTTP/1.1') => `${start}\r\n${fields}\r\n`;
const post = (fields: string, start = 'POST / HTTP/1.1') => get(`Host: a\r\n${fields}`, start);

const REFUSED: Record<number, Record<string, string>> = {
  400: {
    // Framing that two parsers could read differently.
    'both framings': post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
    'both framings, other order': post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'),
    'two lengths': post('Content-Length: 5\r\nContent-Length: 6\r\n'),
    'two equal lengths': post('Content-Length: 5\r\nContent-Length: 5\r\n'),
    'a list of lengths': post('Content-Length: 5, 5\r\n'),
    'a length with a plus': post('Content-Length: +5\r\n'),
    'a length with a minus': post('Content-Length: -5\r\n'),
    'a length with a space inside': post('Content-Length: 5 5\r\n'),
    'a length in hex': post('Content-Length: 0x5\r\n'),
    'a length with letters': post('Content-Length: 5a\r\n'),
    'a length with a point': post('Content-Length: 5.0\r\n'),
    'an empty length': post('Content-Length:\r\n'),
    'a length no double can hold': post('Content-Length: 99999999999999999999\r\n'),
    'a length with a no-break space': post('Content-Length: \xa05\r\n'),
    'a length with a tab': post('Content-Length:\t5\r\n'),
    'a length with a tab behind': post('Content-Length: 5\t\r\n'),
    'chunked with a tab': post('Transfer-Encoding:\tchunked\r\n'),
    'chunked with a tab behind': post('Transfer-Encoding: chunked\t\r\n'),
    'chunked with a space behind': post('Transfer-Encoding: chunked \r\n'),
    'coding identity': post('Transfer-Encoding: identity\r\n'),
    'coding gzip': post('Transfer-Encoding: gzip\r\n'),
    'coding xchunked': post('Transfer-Encoding: xchunked\r\n'),
    'coding chunked twice': post('Transfer-Encoding: chunked, chunked\r\n'),
    'coding chunked twice, in two fields': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
    'coding chunked, then identity': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'),
    'coding chunked first': post('Transfer-Encoding: chunked, gzip\r\n'),
    'an empty member before chunked': post('Transfer-Encoding: , chunked\r\n'),
    'an empty member after chunked': post('Transfer-Encoding: chunked,\r\n'),
    'an empty coding beside chunked': post('Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n'),
    'an empty coding': post('Transfer-Encoding:\r\n'),
    'chunked with a parameter': post('Transfer-Encoding: chunked;q=1\r\n'),
    'chunked in quotes': post('Transfer-Encoding: "chunked"\r\n'),
    'chunked with a no-break space': post('Transfer-Encoding: \xa0chunked\r\n'),
    'chunked with a vertical tab': post('Transfer-Encoding: \x0bchunked\r\n'),
    'chunked with NEL': post('Transfer-Encoding: chunked\x85\r\n'),
    'a coding in HTTP/1.0': post('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0'),
    // Lines.
    'a bare LF after the start line': 'GET / HTTP/1.1\nHost: a\r\n\r\n',
    'a bare LF after a field': 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n',
    'a bare LF as the empty line': 'GET / HTTP/1.1\r\nHost: a\r\n\nX',
    'a bare CR in a value': get('Host: a\r\nX: y\rz\r\n'),
    'a bare CR in a name': get('Host: a\r\nX\rY: z\r\n'),
    'a bare CR as the empty line': 'GET / HTTP/1.1\r\nHost: a\r\n\rX',
    'CR CR LF': get('Host: a\r\nX: y\r\r\n'),
    'a folded line': get('Host: a\r\nX: y\r\n z\r\n'),
    'a folded line with a tab': get('Host: a\r\nX: y\r\n\tz\r\n'),
    'a space before the first field': 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
    'a space before the colon': get('Host: a\r\nContent-Length : 5\r\n'),
    'a tab before the colon': get('Host: a\r\nTransfer-Encoding\t: chunked\r\n'),
    'a field without colon': get('Host: a\r\nX\r\n'),
    'an empty name': get('Host: a\r\n: x\r\n'),
    'a name with a space': get('Host: a\r\nX Y: z\r\n'),
    'a name with NUL': get('Host: a\r\nX\0: z\r\n'),
    'a name with a byte over 127': get('Host: a\r\nX\xe9: z\r\n'),
    'a name in brackets': get('Host: a\r\n(x): z\r\n'),
    'a value with NUL': get('Host: a\r\nX: \0\r\n'),
    'a value with BEL': get('Host: a\r\nX: a\x07\r\n'),
    'a value with DEL': get('Host: a\r\nX: a\x7f\r\n'),
    'a value with ESC': get('Host: a\r\nX: \x1b[2J\r\n'),
    // Start line.
    'two empty lines first': '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'an LF first': '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'a space first': ' GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'two spaces after the method': get('Host: a\r\n', 'GET  / HTTP/1.1'),
    'a tab after the method': get('Host: a\r\n', 'GET\t/ HTTP/1.1'),
    'two spaces before the version': get('Host: a\r\n', 'GET /  HTTP/1.1'),
    'a space after the version': get('Host: a\r\n', 'GET / HTTP/1.1 '),
    'a space in the target': get('Host: a\r\n', 'GET /a b HTTP/1.1'),
    'a NUL in the target': get('Host: a\r\n', 'GET /\0 HTTP/1.1'),
    'a fragment in the target': get('Host: a\r\n', 'GET /#x HTTP/1.1'),
    'a raw byte over 127 in the target': get('Host: a\r\n', 'GET /\xe9 HTTP/1.1'),
    'a bare CR in the target': get('Host: a\r\n', 'GET /\r HTTP/1.1'),
    'a method with a bracket': get('Host: a\r\n', 'G(T / HTTP/1.1'),
    'no method': get('Host: a\r\n', '/ HTTP/1.1'),
    'no target': get('Host: a\r\n', 'GET HTTP/1.1'),
    'HTTP/0.9': 'GET /\r\n',
    'http in lower case': get('Host: a\r\n', 'GET / http/1.1'),
    'another protocol': get('Host: a\r\n', 'GET / HTTQ/1.1'),
    'a version of two digits': get('Host: a\r\n', 'GET / HTTP/1.10'),
    'a version without point': get('Host: a\r\n', 'GET / HTTP/11'),
    'a TLS hello': '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
    'a relative target': get('Host: a\r\n', 'GET index.html HTTP/1.1'),
    'authority-form without CONNECT': get('Host: a\r\n', 'GET a:80 HTTP/1.1'),
    'asterisk-form without OPTIONS': get('Host: a\r\n', 'GET * HTTP/1.1'),
    'another scheme': get('Host: a\r\n', 'GET ftp://a/ HTTP/1.1'),
    'user information': get('Host: a\r\n', 'GET http://u@a/ HTTP/1.1'),
    'an absolute target without host': get('Host: a\r\n', 'GET http:/// HTTP/1.1'),
    'an absolute target with a bad port': get('Host: a\r\n', 'GET http://a:8x/ HTTP/1.1'),
    // Host.
    'no Host': get('X: y\r\n'),
    'two Hosts': get('Host: a\r\nHost: b\r\n'),
    'two equal Hosts': get('Host: a\r\nHost: a\r\n'),
    'two Hosts in HTTP/1.0': get('Host: a\r\nHost: b\r\n', 'GET / HTTP/1.0'),
    'two Hosts beside an absolute target': get('Host: a\r\nHost: b\r\n', 'GET http://c/ HTTP/1.1'),
    'no Host beside an absolute target': get('', 'GET http://c/ HTTP/1.1'),
    'a Host with a path': get('Host: a/b\r\n'),
    'a Host with a space': get('Host: a b\r\n'),
    'a Host with user information': get('Host: u@a\r\n'),
    'a Host with a comma list of ports': get('Host: a:80:81\r\n'),
    'a Host with a bad port': get('Host: a:x\r\n'),
    'a Host with an open bracket': get('Host: [::1\r\n'),
    'a Host with quotes': get('Host: "a"\r\n'),
    'a Host with a byte over 127': get('Host: \xe9\r\n'),
  },
  414: {
    'a long target': get('Host: a\r\n', `GET /${'x'.repeat(8192)} HTTP/1.1`),
    'a long target that has not ended': `GET /${'x'.repeat(8200)}`,
  },
  417: {
    'an unknown expectation': post('Expect: 200-ok\r\n'),
    'two expectations': post('Expect: 100-continue\r\nExpect: x\r\n'),
    'an empty expectation': post('Expect:\r\n'),
  },
  431: {
    'a long field': get(`Host: a\r\nX: ${'y'.repeat(16_384)}\r\n`),
    'a long field that has not ended': `GET / HTTP/1.1\r\nX: ${'y'.repeat(16_384)}`,
    'a long name that has not ended': `GET / HTTP/1.1\r\n${'y'.repeat(16_384)}`,
    'many fields': get(`Host: a\r\n${'X: y\r\n'.repeat(100)}`),
  },
  501: {
    CONNECT: get('Host: a:443\r\n', 'CONNECT a:443 HTTP/1.1'),
    'a long method': get('Host: a\r\n', `${'M'.repeat(33)} / HTTP/1.1`),
    'a coding that we do not know, and chunked': post('Transfer-Encoding: gzip, chunked\r\n'),
  },
  505: {
    'HTTP/2': get('Host: a\r\n', 'GET / HTTP/2.0'),
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'HTTP/3': get('Host: a\r\n', 'GET / HTTP/3'),
    'HTTP/0.9 by name': get('Host: a\r\n', 'GET / HTTP/0.9'),
  },
};

for (const [status, cases] of Object.entries(REFUSED)) {
  for (const [what, text] of Object.entries(cases)) {
    test(`${status}: ${what}`, () => {
      assert.equal(parse(text).status, Number(status));
      // However it is cut, the verdict never turns into another or into an acceptance.
      const bytes = Buffer.from(text, 'latin1');
      for (let end = Math.max(0, bytes.length - 400); end < bytes.length; end++) {
        const result = parser.parse(bytes, 0, end, LIMITS);
        if (result > 0) assert.fail(`accepted at ${end}`);
        if (result < 0) assert.equal(ERRORS[parser.error].status, Number(status), `cut at ${end}`);
      }
    });
  }
}

test('a whole head is accepted only at its last byte, wherever it is cut', () => {
  const text = post('Content-Length: 12\r\nX-Y: \t z \r\nConnection: close, x\r\n', 'POST /a?b HTTP/1.1');
  const bytes = Buffer.from(`garbage${text}rest`, 'latin1');
  for (let end = 7; end < 7 + text.length; end++) assert.equal(parser.parse(bytes, 7, end, LIMITS), 0, `${end}`);
  assert.equal(parser.parse(bytes, 7, bytes.length, LIMITS), 7 + text.length);
  assert.equal(parser.bodyLength, 12);
  assert.equal(parser.fields.get('x-y'), 'z');
});

test('one empty line before the request is ignored', () => {
  const text = `\r\n${get('Host: a\r\n')}`;
  accepted(text);
  assert.equal(parser.fields.get('host'), 'a');
  for (let end = 0; end < text.length; end++) assert.equal(parse(text.slice(0, end)).end, 0);
});

test('limits are exact', () => {
  const target = (size: number) => get('Host: a\r\n', `GET /${'x'.repeat(size - 1)} HTTP/1.1`);
  accepted(target(8192));
  assert.equal(parse(target(8193)).status, 414);
  const head = (size: number) => {
    const rest = get('Host: a\r\nX: \r\n').length;
    return get(`Host: a\r\nX: ${'y'.repeat(size - rest)}\r\n`);
  };
  assert.equal(head(16_384).length, 16_384);
  accepted(head(16_384));
  assert.equal(parse(head(16_385)).status, 431);
  accepted(get(`Host: a\r\n${'X: y\r\n'.repeat(99)}`));
  accepted(get('Host: a\r\n', `${'M'.repeat(32)} / HTTP/1.1`));
});

test('a field that is repeated more than 255 times is still counted', () => {
  const many = { ...LIMITS, fields: 1000 };
  for (const field of ['Transfer-Encoding: x\r\n', 'Content-Length: 5\r\n', 'Host: a\r\n']) {
    for (const times of [256, 257]) {
      assert.equal(parse(post(field.repeat(times)), many).status, 400, `${times} × ${field}`);
    }
  }
});

test('versions, and what they mean for the connection', () => {
  const keep = (fields: string, start: string) => accepted(get(`Host: a\r\n${fields}`, start)).keepAlive;
  assert.equal(keep('', 'GET / HTTP/1.1'), true);
  assert.equal(keep('', 'GET / HTTP/1.2'), true);
  assert.equal(parser.minor, 1);
  assert.equal(keep('Connection: foo, CLOSE\r\n', 'GET / HTTP/1.1'), false);
  assert.equal(keep('Connection: foo\r\nConnection: close\r\n', 'GET / HTTP/1.1'), false);
  assert.deepEqual(parser.connectionNames, ['foo']);
  assert.equal(keep('', 'GET / HTTP/1.0'), false);
  assert.deepEqual(parser.connectionNames, []);
  assert.equal(keep('Connection: Keep-Alive\r\n', 'GET / HTTP/1.0'), true);
  accepted(get('', 'GET / HTTP/1.0'));
});

test('forms of the target', () => {
  const target = (start: string) => ({ ...accepted(get('Host: h:1\r\n', start)).target });
  assert.deepEqual(target('GET /a?b?c HTTP/1.1'), { form: 'origin', path: '/a', query: 'b?c', authority: 'h:1' });
  assert.deepEqual(target('OPTIONS * HTTP/1.1'), { form: 'asterisk', path: '*', query: '', authority: 'h:1' });
  assert.deepEqual(target('GET HTTP://X:8?q HTTP/1.1'), { form: 'absolute', path: '/', query: 'q', authority: 'X:8' });
  assert.deepEqual(target('GET https://[::1]/p HTTP/1.1'), {
    form: 'absolute',
    path: '/p',
    query: '',
    authority: '[::1]',
  });
});

test('an empty Host, and every ordinary one', () => {
  for (const host of ['', 'a', 'a.b:80', 'a:', '[::1]:8080', '10.0.0.1', 'under_score', 'xn--e1a.example.'])
    accepted(get(`Host: ${host}\r\n`));
});

test('body lengths', () => {
  assert.equal(accepted(post('')).bodyLength, 0);
  assert.equal(accepted(post('Content-Length: 0\r\n')).bodyLength, 0);
  assert.equal(accepted(post('Content-Length:   123456789012345  \r\n')).bodyLength, 123_456_789_012_345);
  assert.equal(accepted(post('Transfer-Encoding: ChunKed\r\n')).bodyLength, CHUNKED);
  assert.equal(accepted(post('content-LENGTH: 7\r\n')).bodyLength, 7);
  assert.equal(parseLength('0012'), 12);
  assert.equal(parseLength('１'), -1);
});

test('a name that servers fold to a known one is neither understood nor kept apart', () => {
  accepted(post('Content_Length: 5\r\nTransfer_Encoding: chunked\r\nX_Forwarded-For: 1.1.1.1\r\n'));
  assert.equal(parser.bodyLength, 0);
  assert.equal(parser.fields.known(10), undefined);
});

test('Expect: 100-continue, and in HTTP/1.0 it is nothing', () => {
  assert.equal(accepted(post('Expect: 100-Continue\r\n')).expectContinue, true);
  assert.equal(accepted(post('Expect: what\r\n', 'POST / HTTP/1.0')).expectContinue, false);
});

test('upgrades: GET without body, one protocol, not h2c', () => {
  const upgrade = (fields: string, start = 'GET / HTTP/1.1') => accepted(get(`Host: a\r\n${fields}`, start)).upgrade;
  assert.equal(upgrade('Connection: x, Upgrade\r\nUpgrade: WebSocket\r\n'), 'websocket');
  assert.equal(upgrade('Upgrade: websocket\r\n'), '');
  assert.equal(upgrade('Connection: upgrade\r\nUpgrade: h2c\r\n'), '');
  assert.equal(upgrade('Connection: upgrade\r\nUpgrade: websocket, h2c\r\n'), '');
  assert.equal(upgrade('Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n'), '');
  assert.equal(upgrade('Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n'), '');
  assert.equal(upgrade('Connection: upgrade\r\nUpgrade: websocket\r\n', 'POST / HTTP/1.1'), '');
  assert.equal(upgrade('Connection: upgrade\r\nUpgrade: websocket\r\n', 'GET / HTTP/1.0'), '');
});
