// Certificates from a real authority (Pebble), with the real process: it finds the names by our own DNS, and comes to our own
// listeners to see whether they are ours.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { Pebble, type PebbleOptions } from '../../src/testing/pebble.ts';
import { needs } from '../../src/testing/programs.ts';

const skip = needs('pebble');
const NAMES = ['example.com', 'www.example.com', 'a.example.com', 'b.example.com', 'c.example.com', 'd.example.com'];

interface World {
  readonly pebble: Pebble;
  readonly storage: string;
  readonly http: number;
  readonly https: number;
  readonly admin: number;
  document(acme?: object, certificates?: readonly object[]): object;
  start(document: object): Promise<BalancerProcess>;
  metric(name: string): Promise<number>;
}

async function world(
  t: TestContext,
  options: Partial<PebbleOptions> & { readonly started?: false } = {},
): Promise<World> {
  const [http, https, dns, admin] = await freePorts(4);
  const { started = true, ...rest } = options;
  const pebble = await Pebble.prepare({ httpPort: http, tlsPort: https, dnsPort: dns, ...rest });
  t.after(() => pebble.stop());
  if (started) await pebble.start();
  const storage = mkdtempSync(join(tmpdir(), 'evenkeel-acme-'));
  t.after(() => rmSync(storage, { recursive: true }));
  const backend = createServer((_request, response) => response.end('from the backend'));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    backend.close();
    backend.closeAllConnections();
  });
  const { port } = backend.address() as AddressInfo;
  return {
    pebble,
    storage,
    http,
    https,
    admin,
    document: (acme = {}, certificates = [{ acme: NAMES }]) => ({
      workers: 2,
      acme: { directory: pebble.directory, ca: pebble.caFile, storage, agreeTerms: true, ...acme },
      admin: { bind: `127.0.0.1:${admin}` },
      listeners: {
        plain: { bind: `127.0.0.1:${http}`, pool: 'web' },
        web: { bind: `127.0.0.1:${https}`, protocol: 'https', tls: { certificates }, pool: 'web' },
      },
      pools: { web: { endpoints: [`127.0.0.1:${port}`], health: false } },
      dns: {
        bind: `127.0.0.1:${dns}`,
        zones: { 'example.com': { records: { '@': { A: '127.0.0.1' }, '*': { A: '127.0.0.1' } } } },
      },
    }),
    async start(document) {
      const balancer = await BalancerProcess.start(document, { args: ['--no-watch'] });
      t.after(() => balancer.stop());
      return balancer;
    },
    async metric(name) {
      const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`${name} `));
      assert.ok(line !== undefined, `${name} in\n${text}`);
      return Number(line.slice(name.length + 1));
    },
  };
}

interface Seen {
  readonly issuer: string;
  readonly names: string;
  readonly fingerprint: string;
  readonly curve: string | undefined;
  readonly notAfter: number;
  readonly believed: boolean;
}

/** What a client gets that asks for this name. */
function look(port: number, servername: string, ca?: string, sigalgs?: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername, rejectUnauthorized: false };
    const socket = connect({ ...options, ...(ca && { ca }), ...(sigalgs && { sigalgs }) }, () => {
      const seen = socket.getPeerCertificate();
      const { authorized: believed } = socket;
      socket.destroy();
      resolve({
        issuer: String(seen.issuer.CN),
        names: seen.subjectaltname ?? '',
        fingerprint: seen.fingerprint256,
        curve: (seen as { nistCurve?: string }).nistCurve,
        notAfter: Date.parse(seen.valid_to),
        believed,
      });
    }).on('error', reject);
  });
}

async function becomes(port: number, name: string, what: (seen: Seen) => boolean, withinMs = 30_000): Promise<Seen> {
  const until = performance.now() + withinMs;
  for (;;) {
    const seen = await look(port, name);
    if (what(seen)) return seen;
    assert.ok(performance.now() < until, JSON.stringify(seen));
    await sleep(50);
  }
}

const isTemporary = ({ issuer }: Seen): boolean => issuer.startsWith('temporary');
const isReal = (seen: Seen): boolean => !isTemporary(seen);

test('TLS-ALPN-01: served at once with a temporary certificate, then with real ones of both kinds; kept over restarts', {
  skip,
}, async (t) => {
  const { pebble, storage, https, metric, document, start } = await world(t);
  const config = document({ challenge: 'tls-alpn-01' }, [{ acme: NAMES }, { acme: NAMES, keyType: 'rsa' }]);
  const balancer = await start(config);
  assert.match(balancer.output, /a temporary certificate that nobody believes serves example\.com, www\.example\.com/);
  await becomes(https, 'www.example.com', isReal);
  await balancer.said(/new certificate for example\.com[\s\S]*new certificate for example\.com/, { withinMs: 20_000 });
  const root = await pebble.root();
  // As soon as both are in use, a client gets the kind that it can check.
  const until = performance.now() + 10_000;
  let rsa = await look(https, 'd.example.com', root, 'rsa_pss_rsae_sha256');
  while (!rsa.believed && performance.now() < until)
    rsa = await look(https, 'd.example.com', root, 'rsa_pss_rsae_sha256');
  const ec = await look(https, 'd.example.com', root, 'ecdsa_secp256r1_sha256');
  assert.deepEqual([rsa.believed, rsa.curve, ec.believed, ec.curve], [true, undefined, true, 'P-256']);
  assert.deepEqual(ec.names.split(', ').sort(), NAMES.map((name) => `DNS:${name}`).sort());
  assert.equal(await metric('evenkeel_acme_certificates{state="good"}'), 2);
  assert.equal(await metric('evenkeel_acme_certificates{state="temporary"}'), 0);
  assert.equal(await metric('evenkeel_acme_orders_total{result="issued"}'), 2);
  assert.equal(await metric('evenkeel_acme_orders_total{result="failed"}'), 0, balancer.output);
  assert.equal(await metric('evenkeel_acme_expiry_seconds{name="example.com",key_type="ec"}'), ec.notAfter / 1000);
  const files = readdirSync(storage).sort();
  assert.deepEqual(files.slice(1), ['example.com.ec.pem', 'example.com.rsa.pem']);
  assert.match(files[0], /^account\.localhost_\d+_dir\.json$/);
  for (const file of files) assert.equal(statSync(join(storage, file)).mode & 0o777, 0o600, file);
  assert.doesNotMatch(balancer.output, /PRIVATE KEY/);

  await balancer.stop();
  await pebble.kill();
  const again = await start(config);
  assert.deepEqual(await look(https, 'd.example.com', root, 'ecdsa_secp256r1_sha256'), ec);
  assert.doesNotMatch(again.output, /temporary/);
  await sleep(500);
  assert.equal(await metric('evenkeel_acme_orders_total{result="failed"}'), 0, 'nobody was asked');
  await again.stop();

  // A backup that came back in part, and what a loss of power left.
  truncateSync(join(storage, 'example.com.ec.pem'), 300);
  writeFileSync(join(storage, 'example.com.ec.pem.0123.unfinished'), 'half');
  await pebble.start();
  const mended = await start(config);
  assert.match(mended.output, /example\.com\.ec\.pem holds no whole PEM certificate: it is obtained anew/);
  await mended.said(/new certificate for example\.com/, { withinMs: 20_000 });
  assert.deepEqual(readdirSync(storage).sort(), files);
  assert.equal(await metric('evenkeel_acme_orders_total{result="issued"}'), 1);
});

test('HTTP-01 by any worker, for an account that the authority knows already; an authority that is down is waited for', {
  skip,
}, async (t) => {
  const hmac = Buffer.from('a secret that both sides know').toString('base64url');
  const { pebble, http, https, metric, document, start } = await world(t, {
    started: false,
    accounts: { 'kid-1': hmac },
  });
  const balancer = await start(
    document({ challenge: 'http-01', email: 'ops@example.com', externalAccount: { kid: 'kid-1', hmac } }),
  );
  await balancer.said(/acme: no certificate for example\.com.*; asked again in \d s/);
  assert.ok(isTemporary(await look(https, 'example.com')));
  assert.equal(await metric('evenkeel_acme_certificates{state="temporary"}'), 1);
  await pebble.start();
  await becomes(https, 'c.example.com', isReal);
  const seen = await look(https, 'c.example.com', await pebble.root());
  assert.ok(seen.believed);
  assert.match(balancer.output, /new certificate for example\.com/);
  assert.ok(!balancer.output.includes(hmac));
  assert.match(pebble.output, /validate w\/ HTTP/);
  const unknown = await fetch(`http://127.0.0.1:${http}/.well-known/acme-challenge/unknown`);
  assert.equal(await unknown.text(), 'from the backend', 'what is no challenge of ours is for the routes');
});

test('a certificate is renewed before it expires, and the old one serves until then', { skip }, async (t) => {
  const { https, document, start } = await world(t, { validSeconds: 24 });
  await start(document({}, [{ acme: 'example.com' }]));
  const first = await becomes(https, 'example.com', isReal);
  const second = await becomes(https, 'example.com', (seen) => {
    assert.ok(isReal(seen) && seen.notAfter > Date.now(), 'what is served is always good');
    return seen.fingerprint !== first.fingerprint;
  });
  assert.ok(second.notAfter > first.notAfter);
});

test('an authority that forgot the account is given it again; one that does not believe one challenge is offered the other', {
  skip,
}, async (t) => {
  const [elsewhere] = await freePorts(1);
  const { pebble, https, storage, document, start } = await world(t, { tlsPort: elsewhere });
  const balancer = await start(document({}, [{ acme: 'example.com' }]));
  await balancer.said(/tls-alpn-01 failed for example\.com[\s\S]*new certificate for example\.com/, {
    withinMs: 20_000,
  });
  await becomes(https, 'example.com', isReal);
  await pebble.kill();
  await pebble.start();
  const account = readdirSync(storage).find((name) => name.startsWith('account.'))!;
  const { key } = JSON.parse(readFileSync(join(storage, account), 'utf8')) as { key: string };
  balancer.write(document({}, [{ acme: ['example.com', 'www.example.com'] }]));
  balancer.child.kill('SIGHUP');
  await balancer.said(/new certificate for example\.com, www\.example\.com/, { withinMs: 20_000 });
  const seen = await becomes(https, 'www.example.com', ({ names }) => names.includes('www'));
  assert.ok(isReal(seen));
  assert.equal((JSON.parse(readFileSync(join(storage, account), 'utf8')) as { key: string }).key, key);
  assert.doesNotMatch(balancer.output.slice(balancer.output.indexOf('reloaded')), /temporary/);
});

test('check asks nobody, makes no folder, and prints no secret', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-acme-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const acme = { directory: 'https://127.0.0.1:1/', storage: 'certificates', agreeTerms: true };
  const document = {
    acme: { ...acme, externalAccount: { kid: 'kid-1', hmac: 'c2VjcmV0' } },
    listeners: { web: { bind: '127.0.0.1:0', protocol: 'https', tls: { certificates: { acme: NAMES } }, pool: 'web' } },
    pools: { web: { endpoints: ['127.0.0.1:1'] } },
  };
  const file = join(folder, 'evenkeel.json');
  writeFileSync(file, JSON.stringify(document));
  const bin = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'check', '-c', file, '--effective'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /hmac: hidden/);
  assert.ok(!stdout.includes('c2VjcmV0'));
  assert.ok(!existsSync(join(folder, 'certificates')));
});
