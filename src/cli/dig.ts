// Owns `evenkeel dig`: what the DNS part of a configuration would answer, and why. It asks nobody and starts nothing.

import { dirname, resolve } from 'node:path';
import { needsGeo } from '../config/compile/geo.ts';
import { allPolicies } from '../config/compile/steering.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { readIp } from '../core/ip.ts';
import { ok, type Result } from '../core/result.ts';
import type { DnsHandler } from '../dns/context.ts';
import { Answerer } from '../dns/engine/answerer.ts';
import { readMessage } from '../dns/wire/message.ts';
import { parseName } from '../dns/wire/name.ts';
import { typeCode } from '../dns/wire/types.ts';
import { SLACK } from '../dns/wire/writer.ts';
import { GeoDatabase } from '../geo/database.ts';
import { readGeoFiles } from '../geo/files.ts';
import { dnsListenerNames } from '../runtime/dns-handler.ts';
import { queryOf } from '../runtime/explain/dns.ts';
import { readLatencyFile } from '../runtime/latency-files.ts';
import { offlineSnapshot } from '../runtime/offline.ts';
import { readZones } from '../runtime/zones.ts';
import { MeasuredLatency } from '../steering/latency-map.ts';
import { NOWHERE } from '../steering/unknown.ts';
import type { CliContext } from './context.ts';
import { issuesText } from './report.ts';

export interface DigOptions {
  readonly config: string;
  /** Who asks: the address of a resolver, or of the client that it speaks for. */
  readonly from?: string;
  readonly down?: readonly string[];
  /** Files with measurements, instead of those of the configuration. */
  readonly latency?: readonly string[];
  readonly json?: boolean;
}

const MOST_ANSWER = 65_535;

export async function dig(ctx: CliContext, name: string, type: string, options: DigOptions): Promise<void> {
  const fail = (text: string): void => {
    ctx.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
    ctx.exit(1);
  };
  const loaded = await loadConfig(options.config);
  if (!loaded.ok) return fail(issuesText(options.config, loaded.error));
  const { config, kinds, predicates, file } = loaded.value;
  if (config.dns === undefined) return fail(`${options.config}: there is no "dns" part`);
  const zones = await readZones(config.dns, dirname(file), ctx.env.clock.epoch());
  if (!zones.ok) return fail(issuesText(options.config, zones.error));
  const question = parseName(name.endsWith('.') ? name : `${name}.`);
  if (typeof question === 'string') return fail(`"${name}" ${question}`);
  const code = typeCode(type.toUpperCase());
  if (code === undefined) return fail(`"${type}" is no record type`);
  const from = options.from ?? '192.0.2.1';
  if (readIp(from, new Uint8Array(16)) === 0) return fail(`--from: "${from}" is no IP address`);
  const own = { kinds, predicates };
  const snapshot = offlineSnapshot(config, { env: ctx.env, ...own, dns: zones.value, down: options.down ?? [] });
  if (!snapshot.ok) return fail(`--down: ${snapshot.error}`);
  const handler = snapshot.value.handlers.get(dnsListenerNames(config.dns)[0]) as DnsHandler;
  const places = await openPlaces(config);
  if (!places.ok) return fail(`geo: ${places.error}`);
  const latency = new MeasuredLatency();
  for (const path of options.latency ?? config.latency.file.map((one) => resolve(dirname(file), one))) {
    const read = await readLatencyFile(path, ctx.env.clock.epoch());
    if (read.ok) latency.merge(read.value, ctx.env.clock.now());
    else if (options.latency === undefined) ctx.stderr.write(`latency: ${read.error}\n`);
    else return fail(`--latency: ${read.error}`);
  }
  const why: string[] = [];
  const answerer = new Answerer(handler, {
    random: ctx.env.random,
    now: () => ctx.env.clock.now(),
    epochSeconds: () => Math.floor(ctx.env.clock.epoch() / 1000),
    latency,
    geo: ({ address }) => places.value?.find(address) ?? NOWHERE,
    external: {
      find(outside) {
        why.push(`${outside} is outside these zones: a running balancer looks it up`);
        return undefined;
      },
    },
  });
  answerer.lookup.steered.explain = (line) => void why.push(line);
  const packet = queryOf(question, code);
  const out = new Uint8Array(MOST_ANSWER + SLACK);
  const length = answerer.answer(packet, packet.length, { address: from, transport: 'tcp' }, out, 0);
  const message = readMessage(out, length);
  const { decidedBy } = answerer.lookup;
  const { scope } = answerer.lookup.steered;
  if (options.json === true) {
    const question = { name, type: type.toUpperCase(), from, down: options.down ?? [] };
    ctx.stdout.write(`${JSON.stringify({ question, ...message, decidedBy, scope, why }, null, 2)}\n`);
    return;
  }
  const line = (record: (typeof message.answer)[number]): string =>
    `${record.name}\t${record.ttl}\tIN\t${record.type}\t${record.data}\n`;
  let text = `; ${name} ${type.toUpperCase()}, asked from ${from}: ${message.rcode}${message.authoritative ? '' : ', not authoritative'}\n`;
  for (const record of message.answer) text += line(record);
  if (message.answer.length === 0) for (const record of message.authority) text += `; ${line(record)}`;
  if (decidedBy !== '') {
    text += `; decided by ${decidedBy}`;
    text += scope > 0 ? `; the same for everybody who shares the first ${scope} bits of that address\n` : '\n';
  }
  for (const one of why.reverse()) text += `;   ${one}\n`;
  ctx.stdout.write(text);
}

/** Undefined when no policy asks where clients are. */
async function openPlaces(config: Config): Promise<Result<GeoDatabase | undefined, string>> {
  if (!needsGeo(allPolicies(config))) return ok(undefined);
  const files = await readGeoFiles(config.geo);
  return files.ok ? GeoDatabase.open(files.value) : files;
}
