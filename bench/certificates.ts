// Owns the measurement of many certificates in one folder: how long they take to read, what they take of memory, and what a
// handshake costs among them. `node --expose-gc bench/certificates.ts [count]`; `--json` prints rows for a machine.

import { connect } from 'node:tls';
import { compile } from '../src/config/compile.ts';
import { realEnv } from '../src/runtime/real-env.ts';
import { TlsKeeper } from '../src/runtime/tls-keeper.ts';
import { BalancerProcess } from '../src/testing/balancer-process.ts';
import { freePorts } from '../src/testing/free-port.ts';
import { ServerContexts } from '../src/tls/contexts.ts';
import { type ManyCertificates, makeCertificates, manyName } from './lib/many-certificates.ts';
import { nsPerCall, printRows } from './lib/micro.ts';
import { cpuTime, residentBytes } from './lib/proc.ts';

interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

const HANDSHAKES = 2000;
const AT_ONCE = 8;
const kib = (bytes: number): number => bytes / 1024;

function memory(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage.rss();
}

async function timed<T>(work: () => T | Promise<T>): Promise<[number, T]> {
  const began = performance.now();
  const result = await work();
  return [performance.now() - began, result];
}

/** What the control plane and a worker do, in this process. */
async function inProcess({ folder }: ManyCertificates, count: number): Promise<Row[]> {
  const compiled = compile({
    listeners: { web: { bind: '127.0.0.1:0', protocol: 'https', tls: { certificates: folder.path }, pool: 'b' } },
    pools: { b: { endpoints: ['127.0.0.1:1'] } },
  });
  if (!compiled.ok) throw new Error(compiled.error[0].message);
  const { clock } = realEnv();
  const keeper = new TlsKeeper({ clock, folder: '.', onChange: () => undefined, onProblem: () => undefined });
  const before = memory();
  const [readMs, prepared] = await timed(() => keeper.prepare(compiled.value));
  if (!prepared.ok) throw new Error(prepared.error[0].message);
  const read = memory();
  keeper.commit();
  const [againMs] = await timed(() => keeper.prepare(compiled.value));
  keeper.close();
  const tls = 'tls' in compiled.value.listeners.web ? compiled.value.listeners.web.tls! : undefined!;
  const { materials, ticketKey } = prepared.value;
  const [indexMs, contexts] = await timed(() => new ServerContexts(tls, materials.web, ticketKey));
  // The first one brings what all share.
  contexts.find(manyName(0));
  const indexed = memory();
  const [makeMs] = await timed(() => {
    for (let i = 1; i < count; i++) contexts.find(manyName(i));
  });
  const made = memory();
  const find = nsPerCall((times) => {
    for (let i = 0; i < times; i++) contexts.find(manyName((i * 7919) % count));
  });
  return [
    { what: 'reading and checking all', value: readMs, unit: 'ms' },
    { what: 'looking again, nothing changed', value: againMs, unit: 'ms' },
    { what: 'memory of one that was read', value: kib(read - before) / count, unit: 'KiB' },
    { what: 'index of a worker', value: indexMs, unit: 'ms' },
    { what: 'making a context', value: makeMs / (count - 1), unit: 'ms' },
    { what: 'memory of one with its context', value: kib(made - indexed) / (count - 1), unit: 'KiB' },
    { what: 'finding one, name made included', value: find, unit: 'ns' },
  ];
}

/** Full handshakes with the names that `next` gives; µs of the server's CPU each. */
async function handshakes(port: number, pid: number, ca: string, count: number, next: (i: number) => string) {
  const before = cpuTime(pid);
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < count) {
      const servername = next(begun++);
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', servername, ca }, () => socket.destroy());
        socket.once('error', reject);
        socket.once('close', () => resolve());
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  const after = cpuTime(pid);
  return (after.userUs + after.systemUs - before.userUs - before.systemUs) / count;
}

async function served(certificates: unknown, ca: string, count: number, label: string): Promise<Row[]> {
  const [port] = await freePorts(1);
  const [startMs, balancer] = await timed(async () => {
    const running = BalancerProcess.spawn({
      workers: 1,
      listeners: { web: { bind: `127.0.0.1:${port}`, protocol: 'https', tls: { certificates }, pool: 'b' } },
      pools: { b: { endpoints: ['127.0.0.1:1'] } },
    });
    await running.said(/serving with/, { withinMs: 120_000 });
    return running;
  });
  try {
    const pid = balancer.child.pid!;
    const rows: Row[] = [
      { what: `${label}: start until it serves`, value: startMs, unit: 'ms' },
      { what: `${label}: resident memory`, value: kib(residentBytes(pid)) / 1024, unit: 'MiB' },
    ];
    const warm = (i: number): string => manyName(count === 1 ? 0 : i % 500);
    await handshakes(port, pid, ca, 1000, warm);
    const each = await handshakes(port, pid, ca, HANDSHAKES, warm);
    rows.push({ what: `${label}: a handshake, its context made before`, value: each, unit: 'µs CPU' });
    if (count > HANDSHAKES + 1000) {
      const cold = await handshakes(port, pid, ca, HANDSHAKES, (i) => manyName(1000 + i));
      rows.push({ what: `${label}: a handshake with a new name`, value: cold, unit: 'µs CPU' });
    }
    const idle = cpuTime(pid);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    const later = cpuTime(pid);
    const used = later.userUs + later.systemUs - idle.userUs - idle.systemUs;
    rows.push({ what: `${label}: CPU while nothing happens`, value: used / 200_000, unit: '%' });
    return rows;
  } finally {
    await balancer.stop();
  }
}

const count = Number(process.argv.slice(2).find((argument) => /^\d+$/.test(argument)) ?? 10_000);
const made = await makeCertificates(count);
try {
  const { folder, ca } = made;
  const one = { cert: `${folder.path}/${manyName(0)}.pem`, key: `${folder.path}/${manyName(0)}.key` };
  const rows = [
    ...(await inProcess(made, count)),
    ...(await served(one, ca, 1, 'one certificate')),
    ...(await served(folder.path, ca, count, `${count} certificates`)),
  ];
  printRows(
    rows,
    ({ what, value, unit }) => `${what.padEnd(60)} ${value.toFixed(value < 10 ? 2 : 0).padStart(9)} ${unit}`,
  );
} finally {
  made.folder.remove();
}
process.exit();
