// Owns the name servers of a measurement: how each is started with the same zone, and the proof that it answers rightly.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { freePorts } from '../../src/testing/free-port.ts';
import { DEBIAN_PACKAGES, findProgram, type Program } from '../../src/testing/programs.ts';
import { BALANCER_CORE, LOAD_CORE } from './cores.ts';
import { nestedDatabase } from './geo-database.ts';
import type { Scope, Started } from './scope.ts';

export interface NameServer {
  readonly name: string;
  readonly port: number;
  readonly started: Started;
}

/** Continents and the address that each is answered with; everybody else gets `OTHERS`. */
export const CONTINENTS = {
  EU: '203.0.113.1',
  NA: '203.0.113.2',
  AS: '203.0.113.3',
  SA: '203.0.113.4',
  AF: '203.0.113.5',
  OC: '203.0.113.6',
} as const;
const OTHERS = '203.0.113.9';

const EVENKEEL = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const GEOIP_MODULE = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/pdns/libgeoipbackend.so`);
const START_MS = 60_000;

/** Why it cannot be measured here, or undefined. */
export function missingDns(...programs: Program[]): string | undefined {
  const packages = programs.filter((program) => findProgram(program) === undefined).map((one) => DEBIAN_PACKAGES[one]);
  if (packages.length === 0 && programs.includes('pdns_server') && !GEOIP_MODULE.some((path) => existsSync(path)))
    packages.push(DEBIAN_PACKAGES.pdns_server);
  return packages.length === 0 ? undefined : `left out: not installed (Debian: apt-get install ${packages.join(' ')})`;
}

export function zoneOf(records: number): string {
  const hosts = Array.from({ length: records }, (_, i) => `host${i} A ${addressOf(i)}\n`);
  return `$TTL 300\n@ SOA ns1 admin 1 3600 600 86400 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n${hosts.join('')}`;
}

export const addressOf = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

export interface EvenkeelOptions {
  readonly name?: string;
  readonly workers?: number;
  readonly cores?: string;
}

export async function startEvenkeel(scope: Scope, zone: string, options: EvenkeelOptions = {}): Promise<NameServer> {
  const folder = scope.folder();
  writeFileSync(join(folder, 'example.com.zone'), zone);
  return runEvenkeel(scope, folder, { zones: { 'example.com': { file: 'example.com.zone' } } }, {}, options);
}

async function runEvenkeel(
  scope: Scope,
  folder: string,
  dns: object,
  rest: object,
  { name = 'Evenkeel', workers = 1, cores = BALANCER_CORE }: EvenkeelOptions,
): Promise<NameServer> {
  const [port, adminPort] = await freePorts(2);
  const file = join(folder, 'evenkeel.yaml');
  const document = { workers, dns: { bind: `127.0.0.1:${port}`, ...dns }, ...rest };
  writeFileSync(file, stringify({ ...document, admin: { bind: `127.0.0.1:${adminPort}` } }));
  const args = [EVENKEEL, 'run', '-c', file];
  const started = scope.start(cores, process.execPath, args, { NODE_ENV: 'production' });
  await said(started, /serving with/);
  return { name, port, started };
}

export async function startGdnsd(scope: Scope, zone: string): Promise<NameServer> {
  const [port] = await freePorts(1);
  const folder = scope.folder();
  for (const part of ['zones', 'run', 'state']) mkdirSync(join(folder, part));
  writeFileSync(join(folder, 'zones', 'example.com'), zone);
  writeFileSync(
    join(folder, 'config'),
    `options => {
  listen => [ 127.0.0.1:${port} ]
  run_dir => ${join(folder, 'run')}
  state_dir => ${join(folder, 'state')}
  udp_threads => 1
  tcp_threads => 1
}
`,
  );
  const started = scope.start(BALANCER_CORE, findProgram('gdnsd')!, ['-c', folder, 'start']);
  await said(started, /DNS listeners started/);
  return { name: 'gdnsd', port, started };
}

/** Both steer `www.example.com` by continent, from one database. What a client gets is told by `expected`. */
export async function startGeo(
  scope: Scope,
): Promise<{ readonly servers: NameServer[]; readonly expected: (address: string) => string }> {
  const database = nestedDatabase();
  if (typeof database === 'string') throw new Error(database);
  const folder = scope.folder();
  const file = join(folder, 'places.mmdb');
  writeFileSync(file, database.bytes);
  const known = Object.entries(CONTINENTS);
  const sites = Object.fromEntries([...known, ['others', OTHERS] as const]);
  const areas = Object.fromEntries(known.map(([continent]) => [continent, `continent:${continent}`]));
  const www = { ttl: 30, steer: { kind: 'geo', default: 'others', ...areas } };
  const dns = { zones: { 'example.com': { ns: 'ns1.example.com', records: { ns1: { A: '192.0.2.1' }, www } } } };
  const evenkeel = await runEvenkeel(scope, folder, dns, { geo: file, sites }, {});
  return {
    servers: [evenkeel, await startPowerDns(scope, file)],
    expected: (address) => (CONTINENTS as Record<string, string>)[database.places.find(address).continent] ?? OTHERS,
  };
}

async function startPowerDns(scope: Scope, database: string): Promise<NameServer> {
  const [port] = await freePorts(1);
  const folder = scope.folder();
  const places = Object.entries({ ...CONTINENTS, others: OTHERS }).map(([name, address]) => [
    `${name.toLowerCase()}.geo.example.com`,
    [{ a: address }],
  ]);
  const records = {
    'example.com': [{ soa: 'ns1.example.com admin.example.com 1 3600 600 86400 300' }, { ns: 'ns1.example.com' }],
    'ns1.example.com': [{ a: '192.0.2.1' }],
    ...Object.fromEntries(places),
  };
  const services = { 'www.example.com': ['%cn.geo.example.com', 'others.geo.example.com'] };
  writeFileSync(
    join(folder, 'zones.yaml'),
    stringify({ domains: [{ domain: 'example.com', ttl: 30, records, services }] }),
  );
  writeFileSync(
    join(folder, 'pdns.conf'),
    `launch=geoip
geoip-database-files=mmdb:${database}
geoip-zones-file=${folder}/zones.yaml
edns-subnet-processing=yes
local-address=127.0.0.1
local-port=${port}
receiver-threads=1
distributor-threads=1
socket-dir=${folder}
daemon=no
guardian=no
disable-syslog=yes
setuid=
setgid=
`,
  );
  const started = scope.start(BALANCER_CORE, findProgram('pdns_server')!, [`--config-dir=${folder}`]);
  await said(started, /operating unthreaded|About to create|Done launching threads/);
  return { name: 'PowerDNS', port, started };
}

async function said(started: Started, pattern: RegExp): Promise<void> {
  for (let waited = 0; waited < START_MS; waited += 20) {
    if (pattern.test(started.output())) return;
    if (started.child.exitCode !== null) break;
    await sleep(20);
  }
  throw new Error(`never said ${pattern}: ${started.output()}`);
}

/** The last name of the zone is answered rightly, and one behind it is not there. */
export async function proof(scope: Scope, { name, port }: NameServer, records: number): Promise<void> {
  const last = await dig(scope, port, `host${records - 1}`);
  const missing = await dig(scope, port, `host${records}`);
  if (!last.includes(`\tA\t${addressOf(records - 1)}\n`) || !missing.includes('status: NXDOMAIN'))
    throw new Error(`${name} answers wrongly:\n${last}\n${missing}`);
}

/** Clients of these networks get the right address, and its scope. */
export async function proofOfPlaces(
  scope: Scope,
  { name, port }: NameServer,
  networks: readonly string[],
  expected: (address: string) => string,
): Promise<void> {
  for (const network of networks) {
    const answer = await dig(scope, port, 'www', `+subnet=${network}/24`);
    const right = answer.includes(`\tA\t${expected(network)}\n`) && answer.includes(`CLIENT-SUBNET: ${network}/24/`);
    if (!right) throw new Error(`${name} answers wrongly to ${network}, not ${expected(network)}:\n${answer}`);
  }
}

function dig(scope: Scope, port: number, host: string, ...more: string[]): Promise<string> {
  const args = ['@127.0.0.1', '-p', `${port}`, `${host}.example.com`, 'A', ...more];
  return scope.run(LOAD_CORE, findProgram('dig')!, args, 10_000);
}
