// Owns which real programs the tests talk to, and what a test does where one is missing: it is skipped and counted on a
// developer's machine, and fails where CI=true, because there a skip would hide that nothing was tested.

import { existsSync } from 'node:fs';

/** Program → Debian package. */
export const DEBIAN_PACKAGES = {
  chromium: 'chromium',
  nginx: 'nginx',
  haproxy: 'haproxy',
  wrk: 'wrk',
  'redis-server': 'redis-server',
  ip: 'iproute2',
  ss: 'iproute2',
  nft: 'nftables',
  curl: 'curl',
  promtool: 'prometheus',
  iperf3: 'iperf3',
  openssl: 'openssl',
  testssl: 'testssl.sh',
  nsd: 'nsd',
  dig: 'bind9-dnsutils',
  delv: 'bind9-dnsutils',
  'dnssec-dsfromkey': 'bind9-utils',
  kdig: 'knot-dnsutils',
  dnsperf: 'dnsperf',
  gdnsd: 'gdnsd',
  pdns_server: 'pdns-backend-geoip',
  h2load: 'nghttp2-client',
  mariadbd: 'mariadb-server',
  pg_ctlcluster: 'postgresql',
  pebble: 'pebble',
  htpasswd: 'apache2-utils',
  varnishd: 'varnish',
  etcd: 'etcd-server',
  keepalived: 'keepalived',
  bird: 'bird2',
} as const satisfies Record<string, string>;

export type Program = keyof typeof DEBIAN_PACKAGES;

const FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin', '/usr/local/sbin'];

/** Absolute path, or undefined. */
export function findProgram(program: Program): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${program}`).find((path) => existsSync(path));
}

export function missingPrograms(): Program[] {
  return (Object.keys(DEBIAN_PACKAGES) as Program[]).filter((program) => findProgram(program) === undefined);
}

/** For `test(name, { skip: needs('nginx') }, …)`. */
export function needs(...programs: Program[]): string | false {
  const missing = programs.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(', ')} (Debian: ${missing.map((program) => DEBIAN_PACKAGES[program]).join(' ')})`;
  if (process.env.CI === 'true') throw new Error(`${reason}; under CI=true nothing is skipped`);
  return reason;
}
