// Owns `evenkeel dns ds`: the DS records that the parents of signed zones need. It asks nobody and starts nothing.

import { dirname } from 'node:path';
import type { ConfigIssue } from '../config/issues.ts';
import { loadConfig } from '../config/load.ts';
import type { DnsConfig } from '../config/types.ts';
import { delegationSigner, dsRecord, readSigner } from '../dns/signer.ts';
import { parseName, sameName } from '../dns/wire/name.ts';
import { readKeys } from '../runtime/zones.ts';
import type { CliContext } from './context.ts';
import { issuesText } from './report.ts';

export interface DsOptions {
  readonly config: string;
  readonly json?: boolean;
}

const ROOT = Uint8Array.of(0);

export async function ds(ctx: CliContext, zone: string | undefined, options: DsOptions): Promise<void> {
  const fail = (text: string): void => {
    ctx.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
    ctx.exit(1);
  };
  const loaded = await loadConfig(options.config);
  if (!loaded.ok) return fail(issuesText(options.config, loaded.error));
  const { config, file } = loaded.value;
  if (config.dns === undefined) return fail(`${options.config}: there is no "dns" part`);
  const names = signedZones(config.dns, zone);
  if (typeof names === 'string') return fail(`${options.config}: ${names}`);
  const issues: ConfigIssue[] = [];
  const keys = await readKeys(config.dns, dirname(file), issues);
  const wrong = issues.filter(({ path }) => names.includes(String(path[2])));
  if (wrong.length > 0) return fail(issuesText(options.config, wrong));
  const records = names.map((name) => {
    // Both were checked when the configuration and the keys were read.
    const apex = parseName(name, ROOT) as Uint8Array;
    const signer = readSigner(keys[name]);
    if (!signer.ok) throw new Error(`${name} ${signer.error}`);
    const key = Buffer.from(signer.value.dnskey);
    const parts = delegationSigner(apex, signer.value);
    const dnskey = {
      flags: key.readUInt16BE(0),
      protocol: key[2],
      algorithm: key[3],
      publicKey: key.toString('base64', 4),
    };
    return { ...parts, record: dsRecord(apex, signer.value), dnskey };
  });
  if (options.json === true) ctx.stdout.write(`${JSON.stringify(records, null, 2)}\n`);
  else for (const { record } of records) ctx.stdout.write(`${record}\n`);
}

/** Names as the configuration has them, or what is wrong with what was asked for. */
function signedZones({ zones }: DnsConfig, asked: string | undefined): readonly string[] | string {
  const signed = Object.values(zones).filter(({ dnssec }) => dnssec !== undefined);
  if (asked === undefined)
    return signed.length > 0 ? signed.map(({ name }) => name) : 'no zone is signed; write "dnssec: true" on one';
  const apex = parseName(asked, ROOT);
  if (typeof apex === 'string') return `"${asked}" ${apex}`;
  const isAsked = ({ name }: { readonly name: string }): boolean => {
    const own = parseName(name, ROOT);
    return typeof own !== 'string' && sameName(own, 0, apex, 0);
  };
  const found = signed.find(isAsked);
  if (found !== undefined) return [found.name];
  return Object.values(zones).some(isAsked)
    ? `zone "${asked}" is not signed; write "dnssec: true" on it`
    : `there is no zone "${asked}"`;
}
