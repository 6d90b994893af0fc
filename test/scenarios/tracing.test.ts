// Tracing from end to end: a client, the balancer with its workers, a backend, and a collector. The collector is a test double that
// reads OTLP over HTTP as it is posted.

import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { compile } from '../../src/config/compile.ts';
import { parseTraceparent } from '../../src/core/trace-context.ts';
import { createLog } from '../../src/observe/log.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { Runtime } from '../../src/runtime/runtime.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { OtlpCollector } from '../../src/testing/otlp-collector.ts';
import { eventually } from '../../src/testing/scenario.ts';

async function backend(t: TestContext): Promise<{ port: number; seen: IncomingHttpHeaders[]; server: Server }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((message, response) => {
    seen.push(message.headers);
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, seen, server };
}

interface Started {
  readonly runtime: Runtime;
  readonly port: number;
  readonly ask: (headers?: Record<string, string>) => Promise<number>;
  readonly metric: (name: string) => number;
  readonly lines: string[];
  readonly seen: IncomingHttpHeaders[];
  readonly reload: (tracing: unknown) => Promise<void>;
}

async function start(t: TestContext, tracing: unknown, workers = 1): Promise<Started> {
  const { port: server, seen } = await backend(t);
  const [port, tcp] = await freePorts(2);
  const env = realEnv();
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line), human: false, epoch: env.clock.epoch });
  const runtime = new Runtime({ env, log, workers, version: '1.2.3' });
  const configOf = (part: unknown) => {
    const compiled = compile({
      listeners: {
        web: { bind: `127.0.0.1:${port}`, pool: 'b' },
        raw: { bind: `127.0.0.1:${tcp}`, protocol: 'tcp', pool: 'b' },
      },
      pools: { b: { endpoints: [`127.0.0.1:${server}`] } },
      tracing: part,
    });
    assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.error));
    return compiled.value;
  };
  const reload = async (part: unknown): Promise<void> => {
    const applied = await runtime.apply(configOf(part));
    assert.ok(applied.ok, applied.ok ? '' : JSON.stringify(applied.error));
  };
  await reload(tracing);
  t.after(() => runtime.stop());
  const ask = (headers: Record<string, string> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, path: '/a', headers, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!));
      })
        .on('error', reject)
        .end();
    });
  const metric = (name: string): number =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(runtime.metrics())?.[1] ?? Number.NaN);
  return { runtime, port: tcp, ask, metric, lines, seen, reload };
}

for (const workers of [1, 2]) {
  test(`a collector gets what happened, from ${workers} worker(s), and endpoints know their parents`, async (t) => {
    const collector = await new OtlpCollector().start();
    t.after(() => collector.stop());
    const before = Date.now() - 1;
    const { ask, metric, seen } = await start(
      t,
      { otlp: collector.url, sample: 1, service: 'edge', headers: { authorization: 'Bearer abc' } },
      workers,
    );
    for (let i = 0; i < 20; i++) assert.equal(await ask(), 200);
    await eventually(() => collector.spans.length === 40, 'two spans a request');
    assert.deepEqual(collector.faults, []);
    assert.equal(collector.headers.authorization, 'Bearer abc');
    const { spans } = collector;
    const servers = spans.filter(({ kind }) => kind === 'server');
    assert.equal(servers.length, 20);
    for (const headers of seen) {
      const parent = parseTraceparent(String(headers.traceparent))!;
      const attempt = spans.find(({ spanId }) => spanId === parent.spanId)!;
      assert.deepEqual([attempt.kind, attempt.traceId], ['client', parent.traceId]);
      const server = servers.find(({ spanId }) => spanId === attempt.parentSpanId)!;
      assert.equal(server.traceId, parent.traceId);
      assert.equal(server.attributes['http.response.status_code'], 200);
      assert.equal(server.resource['service.name'], 'edge');
      assert.equal(server.resource['service.version'], '1.2.3');
      assert.ok(before <= server.startMs && server.startMs <= server.endMs && server.endMs <= Date.now() + 1);
    }
    await eventually(() => metric('evenkeel_traces_exported_total') === 40, 'counted');
    assert.equal(metric('evenkeel_traces_dropped_total'), 0);
  });
}

test('a TCP connection is one span', async (t) => {
  const collector = await new OtlpCollector().start();
  t.after(() => collector.stop());
  const { port } = await start(t, { otlp: collector.url, sample: 1 });
  const client = connect(port, '127.0.0.1');
  client.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').resume();
  await eventually(() => collector.spans.length === 1, 'its span');
  const [{ name, kind, parentSpanId, attributes, failed }] = collector.spans;
  assert.deepEqual([name, kind, parentSpanId, failed], ['tcp raw', 'server', '', false]);
  assert.equal(attributes['client.address'], '127.0.0.1');
  assert.match(String(attributes['evenkeel.endpoint']), /^b\/127\.0\.0\.1:/);
  assert.ok(Number(attributes['evenkeel.bytes_out']) > 0);
});

test('a collector that is down costs its spans and nothing else; once it is back spans reach it', async (t) => {
  const [port] = await freePorts(1);
  const { ask, metric, lines } = await start(t, { otlp: `http://127.0.0.1:${port}`, sample: 1 });
  for (let i = 0; i < 300; i++) assert.equal(await ask(), 200);
  // The exporter tries for a while before it gives a batch up.
  for (let i = 0; i < 40 && metric('evenkeel_traces_dropped_total') === 0; i++) {
    assert.equal(await ask(), 200);
    await wait(200);
  }
  assert.ok(metric('evenkeel_traces_dropped_total') > 0, 'drops are counted');
  assert.equal(lines.filter(isWarning).length, 1, 'and told once');
  const collector = await new OtlpCollector().start(port);
  t.after(() => collector.stop());
  assert.equal(await ask(), 200);
  for (let i = 0; i < 40 && collector.spans.length === 0; i++) await wait(200);
  assert.ok(collector.spans.length > 0, 'spans come again');
  await eventually(() => lines.some((line) => line.includes('again')), 'and that is told');
  assert.deepEqual(collector.faults, []);
});

const isWarning = (line: string): boolean => line.includes('spans do not reach their collector');

test('a reload turns tracing on and off', async (t) => {
  const collector = await new OtlpCollector().start();
  t.after(() => collector.stop());
  const { ask, seen, reload, metric } = await start(t, false);
  await ask();
  assert.equal(seen[0].traceparent, undefined);
  assert.ok(Number.isNaN(metric('evenkeel_traces_dropped_total')));
  await reload({ otlp: collector.url, sample: '100%' });
  await ask();
  assert.match(String(seen[1].traceparent), /^00-.*-01$/);
  await reload('off');
  await ask();
  assert.equal(seen[2].traceparent, undefined);
  await eventually(() => collector.spans.length === 2, 'what was begun is sent');
});
