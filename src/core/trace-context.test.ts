import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../testing/seeded-random.ts';
import { boundedTracestate, formatTraceparent, inShare, parseTraceparent } from './trace-context.ts';
import { idInLine, Tracer } from './tracer.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const good = `00-${TRACE}-${SPAN}-01`;

test('a traceparent is read, and written as it was', () => {
  assert.deepEqual(parseTraceparent(good), { traceId: TRACE, spanId: SPAN, sampled: true });
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.sampled, false);
  assert.equal(formatTraceparent(TRACE, SPAN, true), good);
});

test('flags that nobody knows yet are looked over', () => {
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.sampled, true);
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.sampled, false);
});

test('later versions are read as far as they are known, whatever follows', () => {
  for (const rest of ['', '-', '-what-the-future-brings'])
    assert.deepEqual(parseTraceparent(`cc-${TRACE}-${SPAN}-01${rest}`)?.traceId, TRACE);
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01.more`), undefined);
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01-${'x'.repeat(1000)}`), undefined);
});

for (const [what, text] of [
  ['nothing', ''],
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['version 00 with something behind it', `${good}-00`],
  ['version 00 with a dash behind it', `${good}-`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a trace id that is too short', `00-${TRACE.slice(1)}-${SPAN}-010`],
  ['a span id that is no hex', `00-${TRACE}-${SPAN.slice(1)}g-01`],
  ['one digit of flags', `00-${TRACE}-${SPAN}-1`],
  ['white space', ` ${good}`],
  ['two of them', `${good}, ${good}`],
  ['underscores', good.replaceAll('-', '_')],
] as const) {
  test(`no traceparent: ${what}`, () => assert.equal(parseTraceparent(text), undefined));
}

test('whatever is sent, what is read can be written and read again', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/)),
      (text) => {
        const parent = parseTraceparent(text);
        if (parent === undefined) return;
        assert.deepEqual(parseTraceparent(formatTraceparent(parent.traceId, parent.spanId, parent.sampled)), parent);
      },
    ),
  );
});

test('tracestate passes in its order, without empty members', () => {
  assert.equal(boundedTracestate('rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'), 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE');
  assert.equal(boundedTracestate(' a=1 ,, tenant@vendor=x y\t,0b=2'), 'a=1,tenant@vendor=x y,0b=2');
});

test('tracestate with anything that is no member is dropped whole', () => {
  for (const text of ['a', 'a=', 'A=1', 'a=1,b', 'a=b=c', 'a=\u00e9', 'a=1\r\nx: y', `${'a'.repeat(300)}=1`])
    assert.equal(boundedTracestate(text), '', text);
});

test('tracestate is bounded by whole members from its beginning: 32 of them, 512 characters', () => {
  const many = Array.from({ length: 40 }, (_, i) => `k${i}=v`);
  assert.equal(boundedTracestate(many.join(',')), many.slice(0, 32).join(','));
  const long = Array.from({ length: 4 }, (_, i) => `k${i}=${'v'.repeat(200)}`);
  assert.equal(boundedTracestate(long.join(',')), long.slice(0, 2).join(','));
  assert.equal(boundedTracestate('a=1,'.repeat(2000)), '');
});

const tracer = (sample: number, more: Partial<{ propagate: boolean; trustClients: boolean }> = {}) =>
  new Tracer({ sample, propagate: true, trustClients: false, ...more }, seededRandom(7), () => undefined);

test('a share of traces is as large as it says, and smaller shares lie within larger ones', () => {
  const source = tracer(1);
  const ids = Array.from({ length: 20_000 }, () => source.traceId());
  for (const share of [0.01, 0.1, 0.5]) {
    const count = ids.filter((id) => inShare(id, share)).length;
    assert.ok(Math.abs(count / ids.length - share) < 0.01, `${count} of ${ids.length} at ${share}`);
    assert.ok(ids.filter((id) => inShare(id, share)).every((id) => inShare(id, share * 2)));
  }
  assert.equal(ids.filter((id) => inShare(id, 0)).length, 0);
  assert.equal(ids.filter((id) => inShare(id, 1)).length, ids.length);
});

test('ids are of the right form, and no two are alike', () => {
  const one = tracer(1);
  const ids = Array.from({ length: 150_000 }, () => one.traceId());
  assert.ok(ids.every((id) => /^[0-9a-f]{32}$/.test(id)));
  assert.equal(new Set(ids).size, ids.length);
  assert.match(one.spanId(), /^[0-9a-f]{16}$/);
  const zeros = new Tracer(
    { sample: 1, propagate: true, trustClients: false },
    { u32: () => 0, unit: () => 0 },
    () => {},
  );
  assert.equal(parseTraceparent(formatTraceparent(zeros.traceId(), zeros.spanId(), true))?.sampled, true);
});

test('a proxy of ours decides for its trace; for others chance does, so that nobody forces a span or hides one', () => {
  assert.equal(tracer(0).follows(true, true), true);
  assert.equal(tracer(1).follows(false, true), false);
  assert.equal(tracer(0).follows(true, false), false);
  assert.equal(tracer(1).follows(false, false), true);
  assert.equal(tracer(0, { trustClients: true }).follows(true, false), true);
  const tenth = tracer(0.1);
  const sampled = Array.from({ length: 5000 }, () => tenth.follows(true, false)).filter(Boolean).length;
  assert.ok(sampled > 400 && sampled < 600, `${sampled} of 5000 at 10 %`);
});

test('what is picked is what everybody else would pick by its id', () => {
  for (const share of [0, 0.01, 0.5, 1]) {
    const one = tracer(share);
    for (let i = 0; i < 3000; i++) {
      const id = one.traceId();
      assert.equal(one.isPicked, inShare(id, share), `${id} at ${share}`);
    }
  }
});

test('the field of a trace that is not sampled says so', () => {
  const one = tracer(0);
  for (let i = 0; i < 10; i++) {
    const id = one.traceId();
    const [name, value] = one.unsampledLine.split(': ');
    assert.equal(idInLine(one.unsampledLine), id);
    assert.equal(name, 'traceparent');
    assert.ok(value.endsWith('-00\r\n'));
    assert.deepEqual([parseTraceparent(value.trim())?.traceId, parseTraceparent(value.trim())?.sampled], [id, false]);
  }
});
