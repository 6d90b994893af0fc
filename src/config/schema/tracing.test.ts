import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile.ts';
import { effective } from '../effective.ts';
import { formatPath } from '../issues.ts';
import { plan } from '../plan.ts';

const base = {
  listeners: { web: { bind: '127.0.0.1:8080', pool: 'web' } },
  pools: { web: { endpoints: ['10.0.0.1:80'] } },
};

function good(tracing: unknown) {
  const compiled = compile({ ...base, accessLog: true, tracing });
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.error));
  return compiled.value;
}

function issues(tracing: unknown): string[] {
  const compiled = compile({ ...base, tracing });
  assert.ok(!compiled.ok, 'was accepted');
  return compiled.error.map(({ path, message }) => `${formatPath(path)} ${message}`);
}

test('an address is enough; a path is added where there is none', () => {
  assert.deepEqual(good('http://127.0.0.1:4318').tracing, {
    otlp: 'http://127.0.0.1:4318/v1/traces',
    sample: 0.01,
    propagate: true,
    trustClients: false,
    service: 'evenkeel',
    headers: {},
  });
  assert.equal(good('https://c.example/otlp/').tracing?.otlp, 'https://c.example/otlp/v1/traces');
  assert.equal(good('http://c/v1/traces').tracing?.otlp, 'http://c/v1/traces');
});

test('off is off, and the access log names traces only where there are any', () => {
  for (const off of [false, 'off', undefined]) {
    const { tracing, accessLog } = good(off);
    assert.equal(tracing, undefined);
    assert.ok(!accessLog?.fields.includes('traceId'));
  }
  assert.ok(good('http://c').accessLog?.fields.includes('traceId'));
});

test('what is no collector, no share, no name and no field is refused', () => {
  assert.match(issues('127.0.0.1:4318')[0], /^tracing.* is no address of a collector/);
  assert.match(issues('http://user:secret@c:4318')[0], /is no address/);
  assert.match(issues('http://c:99999')[0], /is no address/);
  assert.match(issues({})[0], /^tracing\.otlp /);
  assert.match(issues({ otlp: 'http://c', sample: 2 })[0], /^tracing\.sample is no share/);
  assert.match(issues({ otlp: 'http://c', service: 'a\nb' })[0], /^tracing\.service /);
  assert.match(issues({ otlp: 'http://c', headers: { 'a b': 'x' } })[0], /^tracing\.headers/);
  assert.match(issues({ otlp: 'http://c', headers: { a: 'x\r\nb: c' } })[0], /^tracing\.headers\.a must be printable/);
  assert.match(issues({ otlp: 'http://c', sampel: 1 })[0], /sampel/);
});

test('what is in effect can be read again, but for secrets', () => {
  const config = good({ otlp: 'http://c:4318', sample: '5%', propagate: false, headers: { authorization: 'secret' } });
  const shown = effective(config);
  assert.ok(!JSON.stringify(shown).includes('secret'));
  const again = compile(shown);
  assert.ok(again.ok, again.ok ? '' : JSON.stringify(again.error));
  assert.deepEqual(again.value.tracing, { ...config.tracing, headers: { authorization: 'hidden' } });
  const off = compile(effective(good('off')));
  assert.ok(off.ok && off.value.tracing === undefined);
});

test('a reload tells that it changes', () => {
  assert.deepEqual(
    plan(good('off'), good('http://c')).entries.map(({ detail }) => detail),
    ['accessLog', 'tracing'],
  );
});
