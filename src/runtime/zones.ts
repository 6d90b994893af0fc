// Owns getting the DNS part of a configuration ready for workers: zone files read, zones laid out once in shared memory, the
// secrets that all workers must agree on. Main thread only.

import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import type { ConfigIssue } from '../config/issues.ts';
import type { Config, DnsConfig } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { readSigner } from '../dns/signer.ts';
import { buildZones, type ZoneIssue } from '../dns/zone/build.ts';
import type { ZoneImage } from '../dns/zone/image.ts';

const MOST_FILE_BYTES = 512 * 1024 * 1024;
const MAKE_KEY = 'make one: openssl ecparam -name prime256v1 -genkey -noout -out FILE';

/** What workers answer from. Plain data over shared buffers. */
export interface DnsBlueprint {
  readonly images: readonly ZoneImage[];
  /** PEM texts of the keys of signed zones, by the zone's name in the configuration. */
  readonly keys: Readonly<Record<string, string>>;
  readonly cookieSecrets: readonly Uint8Array[];
  /** Places the rows of the rate limit's table. */
  readonly seed: number;
}

const drawn: Pick<DnsBlueprint, 'cookieSecrets' | 'seed'> = {
  cookieSecrets: [randomBytes(16)],
  seed: randomBytes(4).readUInt32LE(),
};

/** What they say may change while the configuration stays. */
export function hasZoneFiles({ dns }: Config): boolean {
  return Object.values(dns?.zones ?? {}).some(({ file, dnssec }) => file !== '' || dnssec !== undefined);
}

/** `folder` is where relative paths of zone files begin. `previous` keeps serials of zones that did not change. */
export async function readZones(
  config: DnsConfig | undefined,
  folder: string,
  epochMs: number,
  previous?: DnsBlueprint,
): Promise<Result<DnsBlueprint | undefined, ConfigIssue[]>> {
  if (config === undefined) return ok(undefined);
  const texts = new Map<string, string>();
  const issues: ConfigIssue[] = [];
  const keys = await readKeys(config, folder, issues);
  for (const zone of Object.values(config.zones)) {
    if (zone.file === '') continue;
    const text = await fileText(pathOf(zone.file, folder));
    if (text.ok) texts.set(zone.name, text.value);
    else issues.push({ path: ['dns', 'zones', zone.name, 'file'], message: text.error });
  }
  if (issues.length > 0) return err(issues);
  const built = buildZones(config, (zone) => texts.get(zone.name) ?? '', {
    epochSeconds: Math.floor(epochMs / 1000),
    ...(previous === undefined ? {} : { previous: previous.images }),
  });
  if (!built.ok) return err(built.error.map((issue) => located(issue, config, folder)));
  const secrets = config.cookies?.secrets.map((text) => Buffer.from(text, 'hex')) ?? [];
  return ok({ ...drawn, keys, images: built.value, ...(secrets.length > 0 ? { cookieSecrets: secrets } : {}) });
}

/** PEM texts by the zone's name in the configuration. Checked here, where somebody reads what is wrong with them. */
export async function readKeys(
  config: DnsConfig,
  folder: string,
  issues: ConfigIssue[],
): Promise<Record<string, string>> {
  const keys: Record<string, string> = {};
  for (const { name, dnssec } of Object.values(config.zones)) {
    if (dnssec === undefined) continue;
    const path = ['dns', 'zones', name, 'dnssec'];
    const text = await fileText(pathOf(dnssec.key, folder));
    const signer = text.ok ? readSigner(text.value) : undefined;
    if (!text.ok) issues.push({ path, message: text.error, hint: MAKE_KEY });
    else if (!signer!.ok) issues.push({ path, message: `has in ${pathOf(dnssec.key, folder)} what ${signer!.error}` });
    else keys[name] = text.value;
  }
  return keys;
}

function pathOf(file: string, folder: string): string {
  return isAbsolute(file) ? file : resolve(folder, file);
}

/** One character a byte: zone files know no encoding. */
async function fileText(path: string): Promise<Result<string, string>> {
  try {
    const info = await stat(path);
    if (!info.isFile()) return err(`cannot be read: ${path} is no file`);
    if (info.size > MOST_FILE_BYTES) return err(`cannot be read: ${path} is larger than 512 MiB`);
    return ok(await readFile(path, 'latin1'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return err(
      code === 'ENOENT' ? `cannot be read: there is no file ${path}` : `cannot be read: ${code ?? 'unknown error'}`,
    );
  }
}

function located(
  { zone, inFile, line, column, path, message }: ZoneIssue,
  config: DnsConfig,
  folder: string,
): ConfigIssue {
  const at = ['dns', 'zones', zone];
  if (!inFile) return { path: [...at, ...path], message };
  return {
    path: [...at, 'file'],
    message: `has in ${pathOf(config.zones[zone].file, folder)}:${line}:${column}: ${message}`,
  };
}
