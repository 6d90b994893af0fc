// Owns whether this machine can do it at all: Linux, nft, the right to change packet filters, forwarding switched on, and a
// kernel that takes the very ruleset. Each refusal is one sentence that says what is missing.

import { readFile } from 'node:fs/promises';
import { err, ok, type Result } from '../core/result.ts';
import { findNft, runNft } from './nft.ts';
import { compileRuleset } from './ruleset.ts';
import { createScript } from './script.ts';
import { type Family, familyOf, type NatService, type Pickable } from './service.ts';

const CAP_NET_ADMIN = 12n;
const CHECKED = 'evenkeel-check';

const FORWARDING: Readonly<Record<Family, readonly [string, string]>> = {
  4: ['/proc/sys/net/ipv4/ip_forward', 'net.ipv4.ip_forward'],
  6: ['/proc/sys/net/ipv6/conf/all/forwarding', 'net.ipv6.conf.all.forwarding'],
};

/** The path of `nft` when everything is there. Changes nothing. */
export async function checkKernel(
  services: readonly NatService[],
  pickable: Pickable,
): Promise<Result<string, string>> {
  if (process.platform !== 'linux') return err(`needs Linux, and this is ${process.platform}`);
  const nft = findNft();
  if (nft === undefined) return err('needs the program nft (Debian: apt-get install nftables)');
  if (!mayChangeFilters(await read('/proc/self/status')))
    return err('needs the capability CAP_NET_ADMIN (run as root, or give it in the unit file: AmbientCapabilities=)');
  const families = new Set(
    services
      .flatMap(({ routes }) => routes.flatMap(({ pool }) => pool.endpoints))
      .map(({ address }) => familyOf(address.host)),
  );
  for (const family of families) {
    const [file, name] = FORWARDING[family];
    if ((await read(file)).trim() === '0') return err(`needs a kernel that forwards IPv${family}: sysctl -w ${name}=1`);
  }
  const script = createScript(compileRuleset(services, pickable), { table: CHECKED, comment: 'a check' });
  const checked = await runNft(nft, ['-c', '-f', '-'], script);
  return checked.ok ? ok(nft) : err(`the kernel or nft does not take the rules: ${checked.error}`);
}

/** Of `/proc/self/status`. */
export function mayChangeFilters(status: string): boolean {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(status);
  return match !== null && ((BigInt(`0x${match[1]}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}
