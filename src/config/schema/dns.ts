// Owns the written form of the DNS part: the server, zones, and records by type. Names, record data and what records must be to each
// other is `compile/dns.ts`.

import { z } from 'zod';
import { TYPE } from '../../dns/wire/types.ts';
import { address, duration, integer, isOff, oneOrMore, section, shorthand } from '../fields.ts';
import type { DnsTcpConfig } from '../types/dns.ts';

/** Types that can be written as keys of a name; others go into a zone file. */
const HIDDEN = new Set([
  'OPT',
  'TSIG',
  'IXFR',
  'AXFR',
  'MAILA',
  'MAILB',
  'ANY',
  'ALIAS',
  'STEER',
  'SOA',
  'RRSIG',
  'NSEC',
]);
export const WRITTEN_TYPES = Object.keys(TYPE).filter((type) => !HIDDEN.has(type) && !type.startsWith('NSEC3'));

const MOST_TTL = 0x7fffffff;
const SEVEN_DAYS = 604_800;
const FOURTEEN_DAYS = 1_209_600;

const rotate = z.enum(['rotate', 'shuffle', 'fixed']);
const ttl = integer(0, MOST_TTL);

const value = shorthand(
  { type: 'string', description: 'the data as a zone file has it' },
  (given) => (typeof given === 'string' ? { value: given } : undefined),
  z.strictObject({ value: z.string(), weight: integer(0, 65_535).default(1) }),
);

const allDown = z.enum(['open', 'closed', 'fallback']);

/** `steer` is the schema of what chooses addresses: a name, or a policy. */
function record(steer: z.ZodType) {
  const types = Object.fromEntries(WRITTEN_TYPES.map((type) => [type, oneOrMore(value).optional()]));
  return z.strictObject({
    ttl: ttl.optional(),
    rotate: rotate.optional(),
    answers: integer(0, 65_535).default(0),
    steer: steer.optional(),
    allDown: allDown.default('open'),
    fallback: steer.optional(),
    ALIAS: z.string().optional(),
    ...types,
  });
}

const soa = z.strictObject({
  mname: z.string().default(''),
  rname: z.string().default(''),
  serial: integer(0, 0xffffffff).default(0),
  refresh: integer(1, MOST_TTL).default(3600),
  retry: integer(1, MOST_TTL).default(900),
  expire: integer(1, MOST_TTL).default(FOURTEEN_DAYS),
  minimum: integer(0, SEVEN_DAYS).default(60),
  ttl: ttl.default(3600),
});

/** `true`: the key is in the file `ZONE.key.pem`. */
const dnssec = shorthand(
  { type: 'boolean' },
  (given) => (isOff(given) ? null : given === true ? {} : undefined),
  z.strictObject({ key: z.string().min(1).optional() }).nullable(),
);

function zone(steer: z.ZodType) {
  return z.strictObject({
    file: z.string().min(1).optional(),
    ttl: ttl.default(300),
    soa: soa.prefault({}),
    ns: oneOrMore(z.string()).default([]),
    transfer: z
      .strictObject({ allow: oneOrMore(z.string()).default([]), notify: oneOrMore(address()).default([]) })
      .prefault({}),
    dnssec: dnssec.prefault(false as never),
    records: z.record(z.string(), record(steer)).default({}),
  });
}

const rateLimit = shorthand(
  { enum: [false, 'off'] },
  (given) => (isOff(given) ? null : undefined),
  z
    .strictObject({
      responses: integer(1, 1_000_000).default(200),
      slip: integer(0, 100).default(2),
      exempt: oneOrMore(z.string()).default(['127.0.0.0/8', '::1']),
    })
    .nullable(),
);

const cookies = shorthand(
  { type: 'boolean' },
  (given) => (isOff(given) ? null : given === true ? {} : undefined),
  z
    .strictObject({
      secrets: oneOrMore(z.string().regex(/^[0-9a-fA-F]{32}$/, 'must be 32 hexadecimal digits')).default([]),
    })
    .nullable(),
);

export function dns(steer: z.ZodType = z.unknown()) {
  return z.strictObject({
    bind: oneOrMore(address()),
    rotate: rotate.default('rotate'),
    nsid: z
      .string()
      .regex(/^[\x20-\x7e]{0,64}$/, 'must be at most 64 printable characters')
      .default(''),
    cookies: cookies.prefault(true as never),
    rateLimit: rateLimit.prefault({}),
    ednsSize: integer(512, 4096).default(1232),
    ecs: z.boolean().default(true),
    tcp: section<DnsTcpConfig>({
      idle: duration(100).default(10_000),
      connections: integer(1, 1_000_000).default(1000),
    }).prefault({}),
    resolvers: oneOrMore(address()).default([]),
    zones: z.record(z.string(), zone(steer)),
  });
}

export type ParsedDns = z.output<ReturnType<typeof dns>>;
