// Owns the measurement of the dashboard with many endpoints, every one of which has other numbers every second: how soon it is
// painted, and what browser and balancer take for it while somebody looks. `node bench/dashboard.ts [endpoints]`; `--json` for a
// machine. Numbers of a headless Chromium without a GPU: whatever is painted costs CPU here.

import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { chromium, type Page } from 'playwright-core';
import { BalancerProcess } from '../src/testing/balancer-process.ts';
import { BROWSER_FLAGS } from '../src/testing/browser.ts';
import { freePorts } from '../src/testing/free-port.ts';
import { listening } from '../src/testing/nginx.ts';
import { findProgram } from '../src/testing/programs.ts';
import { cpuTime } from './lib/proc.ts';

const COUNT = Number(process.argv.slice(2).find((argument) => /^\d+$/.test(argument)) ?? 1000);
const SECONDS = 20;
/** Of any path that goes to one endpoint: every row changes every second. */
const PER_ENDPOINT = 1;
const STEP_MS = 20;
const VIEWS = ['pools/big', '', 'traffic'] as const;

const hostOf = (i: number): string => `127.9.${i >> 7}.${(i & 127) + 1}`;

const backend = createServer((_request, response) => response.end('ok'));
await new Promise<void>((resolve) => backend.listen(0, '0.0.0.0', resolve));
const backendPort = (backend.address() as AddressInfo).port;
const [port, adminPort] = await freePorts(2);
const balancer = await BalancerProcess.start(
  {
    workers: 1,
    listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'big' } },
    pools: {
      big: { endpoints: Array.from({ length: COUNT }, (_, i) => `${hostOf(i)}:${backendPort}`), health: false },
    },
    admin: { bind: `127.0.0.1:${adminPort}` },
  },
  { adminPort },
);
const server = await chromium.launchServer({ executablePath: findProgram('chromium')!, args: BROWSER_FLAGS });
const browser = await chromium.connect(server.wsEndpoint());
await listening(adminPort);

/** At a fixed rate, with as few connections as are needed. */
const agent = new Agent({ keepAlive: true, maxSockets: 32 });
const load = setInterval(() => {
  for (let i = 0; i < (COUNT * PER_ENDPOINT * STEP_MS) / 1000; i++) {
    const call = request({ port, host: '127.0.0.1', agent }, (response) => void response.resume());
    call.on('error', () => undefined);
    call.end();
  }
}, STEP_MS);

interface Row {
  readonly what: string;
  readonly firstPaintMs?: number;
  readonly rowsMs?: number;
  /** Of one core, percent. */
  readonly browser: number;
  readonly balancer: number;
}

async function shares(): Promise<{ browser: number; balancer: number }> {
  const of = (pid: number): number => {
    const { userUs, systemUs } = cpuTime(pid);
    return userUs + systemUs;
  };
  const [browserPid, balancerPid] = [server.process().pid!, balancer.child.pid!];
  const before = [of(browserPid), of(balancerPid)];
  await wait(SECONDS * 1000);
  const percent = (us: number): number => us / SECONDS / 1e4;
  return { browser: percent(of(browserPid) - before[0]), balancer: percent(of(balancerPid) - before[1]) };
}

const seen = { 'pools/big': 'tr[data-id]', '': 'table.pools tbody tr', traffic: '.flow .band' } as const;

async function open(page: Page, view: (typeof VIEWS)[number]): Promise<{ firstPaintMs: number; rowsMs: number }> {
  const began = performance.now();
  await page.goto(`http://127.0.0.1:${adminPort}/dashboard/#/${view}`);
  await page.locator(seen[view]).first().waitFor();
  const rowsMs = performance.now() - began;
  const firstPaintMs = await page.evaluate<number>(
    `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN`,
  );
  return { firstPaintMs, rowsMs };
}

const rows: Row[] = [];
try {
  // The pages are bundled at the first request in a clone; the package has them.
  await fetch(`http://127.0.0.1:${adminPort}/dashboard/main.js`);
  await wait(3000);
  const blank = await browser.newPage();
  await wait(8000);
  rows.push({ what: 'nobody looks (an empty page)', ...(await shares()) });
  await blank.close();
  for (const view of VIEWS) {
    const page = await browser.newPage({ viewport: { width: 1360, height: 900 } });
    const { firstPaintMs, rowsMs } = await open(page, view);
    await wait(5000);
    rows.push({ what: view === '' ? 'overview' : view, firstPaintMs, rowsMs, ...(await shares()) });
    await page.close();
  }
} finally {
  clearInterval(load);
  agent.destroy();
  await browser.close();
  await server.close();
  await balancer.stop();
  backend.close();
  backend.closeAllConnections();
}
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(rows)}\n`);
else {
  const text = (value: number | undefined, digits: number): string =>
    value === undefined ? '' : value.toFixed(digits);
  process.stdout.write(`${COUNT} endpoints, all of them with other numbers every second; % of one core\n`);
  for (const { what, firstPaintMs, rowsMs, browser: page, balancer: own } of rows)
    process.stdout.write(
      `${what.padEnd(30)} first paint ${text(firstPaintMs, 0).padStart(5)} ms  rows ${text(rowsMs, 0).padStart(5)} ms  browser ${text(page, 1).padStart(5)} %  balancer ${text(own, 1).padStart(5)} %\n`,
    );
}
