// Records where a real nginx (`hash $arg_key consistent`) sends 2,000 keys, into test/golden/ketama.json, which the test of
// ring-hash's ketama variant reads. Run it by hand on Linux with nginx installed: node scripts/record-ketama-golden.ts
// Uses fixed loopback addresses, because the addresses decide the placement.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const NGINX = process.env.NGINX ?? '/usr/sbin/nginx';
const OUT = new URL('../test/golden/ketama.json', import.meta.url);
const KEYS = Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? `user-${i}` : `192.0.${i >> 8}.${i & 255}`));

interface Case {
  readonly name: string;
  readonly servers: readonly { readonly address: string; readonly weight: number }[];
}

const CASES: readonly Case[] = [
  { name: 'equal', servers: [1, 2, 3, 4, 5].map((i) => ({ address: `127.77.0.${i}:18080`, weight: 1 })) },
  { name: 'weighted', servers: [3, 1, 2, 7].map((weight, i) => ({ address: `127.77.1.${i + 1}:18081`, weight })) },
  { name: 'ports', servers: [18082, 18083, 18084].map((port) => ({ address: `127.77.2.1:${port}`, weight: 1 })) },
];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function configuration(dir: string, { servers }: Case, front: number): string {
  const upstream = servers.map(({ address, weight }) => `server ${address} weight=${weight};`).join('\n');
  const origins = servers.map(({ address }) => `server { listen ${address}; return 200 "${address}"; }`).join('\n');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((p) => `${p}_temp_path ${dir}/${p};`)
    .join('\n');
  return `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
events { worker_connections 512; }
http { access_log off; keepalive_requests 100000; ${paths}
upstream ring { hash $arg_key consistent; ${upstream} }
server { listen 127.0.0.1:${front}; location / { proxy_pass http://ring; } }
${origins} }`;
}

function ask(agent: Agent, port: number, key: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path: `/?key=${key}` }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    }).on('error', reject);
  });
}

/** For every key the index of the server that answered. */
async function record(recorded: Case): Promise<readonly number[]> {
  const dir = mkdtempSync(join(tmpdir(), 'ketama-'));
  const front = await freePort();
  writeFileSync(join(dir, 'nginx.conf'), configuration(dir, recorded, front));
  const nginx = spawn(NGINX, ['-p', dir, '-c', join(dir, 'nginx.conf')], { stdio: 'inherit' });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (let tries = 0; ; tries++) {
      const up = await ask(agent, front, 'ready').catch(() => undefined);
      if (up !== undefined) break;
      if (tries === 50) throw new Error('nginx did not start');
      await wait(100);
    }
    const owners: number[] = [];
    for (const key of KEYS) {
      const answer = await ask(agent, front, key);
      const owner = recorded.servers.findIndex(({ address }) => address === answer);
      if (owner < 0) throw new Error(`nginx answered ${JSON.stringify(answer)}`);
      owners.push(owner);
    }
    return owners;
  } finally {
    agent.destroy();
    nginx.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

const version = execFileSync('sh', ['-c', `${NGINX} -v 2>&1`])
  .toString()
  .trim();
const cases: unknown[] = [];
for (const recorded of CASES) cases.push({ ...recorded, owners: (await record(recorded)).join('') });
writeFileSync(OUT, `${JSON.stringify({ recordedFrom: version, keys: KEYS.join(' '), cases }, undefined, 1)}\n`);
console.log(`${version}: ${CASES.length} cases of ${KEYS.length} keys`);
