import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../testing/seeded-random.ts';
import { AccessLog, accessLine } from './access-log.ts';
import { createLog } from './log.ts';
import { PrometheusText } from './prometheus.ts';

test('an access line holds the chosen fields in their order, and nothing a client sent can leave its string', () => {
  const record = { method: 'GET', path: '/a"\n\u009b31m\u007f', status: 200, durationMs: 1.23456, secret: 'x' };
  const line = accessLine(record, ['time', 'status', 'path', 'durationMs'], 0);
  assert.equal(
    line,
    '{"time":"1970-01-01T00:00:00.000Z","status":200,"path":"/a\\"\\n\ufffd31m\ufffd","durationMs":1.235}',
  );
});

test('sampling keeps a share of the good requests and every failed one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-log-'));
  const to = join(folder, 'access.log');
  const log = new AccessLog({
    to,
    fields: ['status'],
    sample: 0.1,
    epoch: () => 0,
    random: seededRandom(1),
    onDrop: () => assert.fail('dropped'),
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let i = 0; i < 1000; i++) log.write({ status: 200, error: '' });
  for (let i = 0; i < 10; i++) log.write({ status: 503, error: 'pool-down' });
  log.close();
  const lines = readFileSync(to, 'utf8').trim().split('\n');
  const good = lines.filter((line) => line === '{"status":200}').length;
  assert.ok(good > 60 && good < 140, `${good} of 1000 at 10 %`);
  assert.equal(lines.length - good, 10);
  rmSync(folder, { recursive: true });
});

test('after a rotation the log goes on in a new file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-log-'));
  const to = join(folder, 'access.log');
  const log = new AccessLog({
    to,
    fields: ['status'],
    sample: 1,
    epoch: () => 0,
    random: seededRandom(1),
    onDrop: () => undefined,
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  log.write({ status: 200, error: '' });
  await new Promise((resolve) => setTimeout(resolve, 700));
  renameSync(to, `${to}.1`);
  log.reopen();
  await new Promise((resolve) => setTimeout(resolve, 100));
  log.write({ status: 201, error: '' });
  log.close();
  assert.equal(readFileSync(`${to}.1`, 'utf8'), '{"status":200}\n');
  assert.equal(readFileSync(to, 'utf8'), '{"status":201}\n');
  rmSync(folder, { recursive: true });
});

test('the operational log is JSON for machines, a line for people, and never steers a terminal', () => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  createLog({ write, human: false, epoch: () => 0 }).warn('a\u001b[2J', { b: 1 });
  createLog({ write, human: true, epoch: () => 0 }).error('gone', { why: 'x\u001b[2J' });
  assert.equal(lines[0], '{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":"a\ufffd[2J","b":1}\n');
  assert.equal(lines[1], '00:00:00 error: gone why=x\ufffd[2J\n');
});

test('Prometheus text escapes labels and adds buckets up', () => {
  const text = new PrometheusText();
  text.family('a_total', 'counter', 'Help.');
  text.sample('a_total', { x: 'q"\\\n' }, 3);
  text.histogram('h', {}, [1, 2], [5, 3, 1], 9.5);
  assert.equal(
    text.toString(),
    '# HELP a_total Help.\n# TYPE a_total counter\na_total{x="q\\"\\\\\\n"} 3\nh_bucket{le="1"} 5\nh_bucket{le="2"} 8\nh_bucket{le="+Inf"} 9\nh_sum 9.5\nh_count 9\n',
  );
});
