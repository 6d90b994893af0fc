// Owns a DNS server of ours inside a test: real sockets, one listener, zones as a configuration has them; and clients that speak bytes.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, isIPv6 } from 'node:net';
import type { TestContext } from 'node:test';
import dnsPacket from 'dns-packet';
import { compileDns } from '../config/compile/dns.ts';
import { Findings } from '../config/compile/findings.ts';
import { dns } from '../config/schema/dns.ts';
import type { DnsConfig } from '../config/types/dns.ts';
import { Counters } from '../core/counters.ts';
import type { Tracer } from '../core/tracer.ts';
import { type DnsContext, type DnsHandler, type DnsRecord, dnsHandler } from '../dns/context.ts';
import { Answerer } from '../dns/engine/answerer.ts';
import type { AnswerTools, ResolvedNames } from '../dns/engine/settings.ts';
import { DnsListener } from '../dns/listener.ts';
import { buildZones, openZones } from '../dns/zone/build.ts';
import type { ZoneImage } from '../dns/zone/image.ts';
import type { ZoneSigner } from '../dns/zone/zone.ts';
import { openSocket } from '../net/datagrams.ts';
import { NetLoop } from '../net/loop.ts';
import { realEnv } from '../runtime/real-env.ts';
import type { Member } from '../steering/steering.ts';
import { NO_MEASUREMENTS, NOWHERE } from '../steering/unknown.ts';
import { seededRandom } from './seeded-random.ts';

export interface DnsOptions {
  /** The `dns` part of a configuration; `bind` may be left out. The first address is listened on. */
  readonly dns: Readonly<Record<string, unknown>>;
  /** Texts of zone files, by their path in the configuration. */
  readonly files?: Readonly<Record<string, string>>;
  /** By what `steer` says. */
  readonly members?: Readonly<Record<string, Member>>;
  readonly external?: ResolvedNames;
  readonly tracer?: Tracer;
  /** Keys of zones with DNSSEC, by the zone's name. */
  readonly keys?: Readonly<Record<string, ZoneSigner>>;
  readonly epochSeconds?: number;
  /** Monotonic ms of the engine, for tests without sockets. */
  readonly now?: () => number;
}

export const COOKIE_SECRET = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

export function dnsConfig(options: DnsOptions): DnsConfig {
  const findings = new Findings([]);
  const config = compileDns(dns().parse({ bind: '127.0.0.1:0', ...options.dns }), findings)!;
  assert.deepEqual(findings.issues, []);
  return config;
}

export function dnsImages(config: DnsConfig, options: DnsOptions, previous?: readonly ZoneImage[]): ZoneImage[] {
  const built = buildZones(config, ({ file }) => options.files?.[file] ?? '', {
    epochSeconds: options.epochSeconds ?? 1000,
    ...(previous === undefined ? {} : { previous }),
  });
  assert.ok(built.ok, built.ok ? '' : JSON.stringify(built.error));
  return built.value;
}

export function handlerOf(options: DnsOptions, previous?: readonly ZoneImage[]): DnsHandler {
  const config = dnsConfig(options);
  const images = dnsImages(config, options, previous);
  const memberOf = (steer: unknown): Member => {
    const member = options.members?.[steer as string];
    assert.ok(member, `no member ${String(steer)}`);
    return member;
  };
  const zones = openZones(images, config, memberOf, (zone) => options.keys?.[zone]);
  return dnsHandler(config, zones, [COOKIE_SECRET], 1);
}

function toolsOf(options: DnsOptions): AnswerTools {
  const env = realEnv();
  return {
    random: seededRandom(1),
    now: options.now ?? (() => env.clock.now()),
    epochSeconds: () => options.epochSeconds ?? 1_700_000_000,
    latency: NO_MEASUREMENTS,
    geo: () => NOWHERE,
    external: options.external,
  };
}

/** The engine alone. */
export function answererOf(options: DnsOptions): Answerer {
  return new Answerer(handlerOf(options), toolsOf(options));
}

export interface DnsServer {
  readonly port: number;
  readonly listener: DnsListener;
  readonly counters: Counters;
  readonly log: DnsRecord[];
  udp(packet: Uint8Array): Promise<Buffer>;
  tcp(packets: readonly Uint8Array[], answers?: number): Promise<Buffer[]>;
}

export async function startDns(t: TestContext, options: DnsOptions, port = 0): Promise<DnsServer> {
  const env = realEnv();
  const counters = Counters.local();
  const log: DnsRecord[] = [];
  const loop = new NetLoop(env.clock);
  const tools = toolsOf(options);
  const ctx: DnsContext = {
    env,
    loop,
    counters,
    openSocket,
    tools,
    log: (record) => log.push(record),
    tracer: options.tracer,
  };
  const handler = handlerOf(options);
  const { host } = handler.config.bind[0];
  const listener = new DnsListener(ctx, 0, handler);
  await listener.listen({ host, port }, { shared: false });
  t.after(() => {
    listener.drain();
    listener.cutRequests();
  });
  return {
    port: listener.port,
    listener,
    counters,
    log,
    udp: (packet) => askUdp(listener.port, packet, host),
    tcp: (packets, answers = packets.length) => askTcp(listener.port, packets, answers, host),
  };
}

export async function askUdp(port: number, packet: Uint8Array, host = '127.0.0.1'): Promise<Buffer> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    socket.send(packet, port, host);
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(5000) })) as [Buffer];
    return answer;
  } finally {
    socket.close();
  }
}

/** Sends all at once and waits for so many messages. */
export function askTcp(
  port: number,
  packets: readonly Uint8Array[],
  answers: number,
  host = '127.0.0.1',
): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, host);
    const found: Buffer[] = [];
    let kept = Buffer.alloc(0);
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer in time')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${found.length} answers`)));
    socket.on('data', (data) => {
      kept = Buffer.concat([kept, data]);
      while (kept.length >= 2 && kept.length >= 2 + kept.readUInt16BE(0)) {
        const end = 2 + kept.readUInt16BE(0);
        found.push(kept.subarray(2, end));
        kept = kept.subarray(end);
      }
      if (found.length < answers) return;
      resolve(found);
      socket.destroy();
    });
    for (const packet of packets)
      socket.write(Buffer.concat([Buffer.of(packet.length >> 8, packet.length & 255), packet]));
  });
}

export interface QuestionOptions {
  readonly id?: number;
  readonly edns?: number;
  readonly options?: readonly dnsPacket.PacketOpt[];
  readonly dnssec?: boolean;
}

/** A query by an encoder that is not ours. */
export function question(name: string, type: string, options: QuestionOptions = {}): Buffer {
  const additionals =
    options.edns === undefined
      ? []
      : [
          {
            type: 'OPT' as const,
            name: '.' as const,
            udpPayloadSize: options.edns,
            flags: options.dnssec === true ? dnsPacket.DNSSEC_OK : 0,
            options: [...(options.options ?? [])],
          },
        ];
  return dnsPacket.encode({
    type: 'query',
    id: options.id ?? 1,
    flags: 0,
    questions: [{ name, type: type as dnsPacket.RecordType }],
    additionals: additionals as dnsPacket.Answer[],
  });
}

export const decode = (packet: Uint8Array): dnsPacket.DecodedPacket => dnsPacket.decode(Buffer.from(packet));
