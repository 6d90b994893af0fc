// Reloads and a certificate that is replaced while h2load runs over TLS: no stream fails, new connections get the new
// certificate, and those that are open go on.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'node:tls';
import { stringify } from 'yaml';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { Authority, CertificateFolder, fingerprint } from '../../src/testing/certificates.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { findProgram } from '../../src/testing/programs.ts';

const SECONDS = 5;
const RELOADS = 20;

async function shownAt(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint(`-----BEGIN CERTIFICATE-----\n${raw.toString('base64')}\n-----END CERTIFICATE-----\n`);
}

test('no stream fails while configurations are reloaded and the certificate is replaced', async (t) => {
  const server = createServer((_request, response) => response.end('ok\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = new CertificateFolder(t);
  const authority = await Authority.make();
  const first = await authority.issue({ names: ['a.example'] });
  const second = await authority.issue({ names: ['a.example'] });
  const files = folder.put('site', first);
  const [port, adminPort] = await freePorts(2);
  const document = (keepAlive: number) => ({
    workers: 2,
    listeners: {
      web: {
        bind: `127.0.0.1:${port}`,
        protocol: 'https',
        tls: { certificates: [files] },
        timeouts: { keepAlive: `${keepAlive}s` },
        pool: 'web',
      },
    },
    pools: { web: { endpoints: [`127.0.0.1:${(server.address() as AddressInfo).port}`] } },
    admin: { bind: `127.0.0.1:${adminPort}` },
  });
  const balancer = await BalancerProcess.start(document(60), { adminPort });
  t.after(async () => {
    await balancer.stop();
    server.close();
    server.closeAllConnections();
  });
  assert.equal(await shownAt(port), first.id);
  const args = ['-t1', '-c8', '-m8', '-D', `${SECONDS}`, `https://127.0.0.1:${port}/`];
  const load = spawn(findProgram('h2load')!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let report = '';
  load.stdout.on('data', (chunk: Buffer) => {
    report += chunk.toString();
  });
  const ended = once(load, 'close');
  for (let i = 0; i < RELOADS; i++) {
    await wait((SECONDS * 800) / RELOADS);
    if (i === RELOADS / 2) folder.put('site', second);
    // Whole, as tools write: a half-written one would rightly be refused.
    writeFileSync(`${balancer.file}.new`, stringify(document(61 + i)));
    renameSync(`${balancer.file}.new`, balancer.file);
    balancer.child.kill('SIGHUP');
  }
  await ended;
  const requests =
    /requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(report);
  assert.ok(requests !== null, report);
  const [, , , done, succeeded, failed, errored] = requests.map(Number);
  assert.ok(done > 1000, `only ${done} requests`);
  assert.deepEqual({ failed, errored, missing: done - succeeded }, { failed: 0, errored: 0, missing: 0 }, report);
  assert.match(report, / 0 4xx, 0 5xx/);
  const { reloads } = await balancer.status();
  assert.ok(reloads.applied >= RELOADS / 2, `${reloads.applied} reloads`);
  assert.equal(reloads.refused, 0);
  assert.equal(await shownAt(port), second.id);
});
