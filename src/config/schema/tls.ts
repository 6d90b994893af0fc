// Owns the written form of TLS on either side of the balancer.

import { z } from 'zod';
import { duration, integer, isOff, oneOrMore, section, shorthand, size } from '../fields.ts';
import type { Http2Config, UpstreamTlsConfig } from '../types.ts';

const file = z.string().min(1);
const version = z.enum(['TLSv1.2', 'TLSv1.3']);

const certificate = shorthand(
  { type: 'string', description: 'a folder with pairs NAME.pem (or .crt) and NAME.key' },
  (value) => (typeof value === 'string' ? { directory: value } : undefined),
  z.strictObject({
    cert: file.optional(),
    key: file.optional(),
    directory: file.optional(),
    acme: oneOrMore(z.string().min(1)).optional(),
    keyType: z.enum(['ec', 'rsa']).optional(),
  }),
);

export const listenerTls = z.strictObject({
  certificates: oneOrMore(certificate).default([]),
  profile: z.enum(['modern', 'intermediate']).default('intermediate'),
  minVersion: version.optional(),
  maxVersion: version.default('TLSv1.3'),
  ciphers: oneOrMore(z.string().min(1)).optional(),
  curves: oneOrMore(z.string().min(1)).optional(),
  unknownNames: z.enum(['default', 'refuse']).default('default'),
  handshakeTimeout: duration(1).default(10_000),
  handshakeRate: integer(0, 10_000_000).default(0),
  sessions: duration(60_000, 7 * 86_400_000).default(12 * 3_600_000),
  ocsp: z.boolean().default(true),
  clients: shorthand(
    { enum: [false] },
    (value) => (isOff(value) ? null : undefined),
    z
      .strictObject({
        verify: z.enum(['optional', 'required']).default('required'),
        ca: file,
        crl: z.string().default(''),
      })
      .nullable(),
  ).optional(),
});

export const http2 = (byDefault: boolean) =>
  shorthand(
    { type: 'boolean' },
    (value) => (isOff(value) ? null : value === true ? {} : undefined),
    section<Http2Config>({
      streams: integer(1, 10_000).default(128),
      window: size().default(256 * 1024),
      connectionWindow: size().default(1024 * 1024),
      resets: integer(1, 1_000_000).default(200),
      controlFrames: integer(10, 1_000_000).default(1000),
    }).nullable(),
  ).prefault((byDefault ? {} : null) as never);

export const upstreamTls = shorthand(
  { type: 'boolean' },
  (value) => (isOff(value) ? null : value === true ? {} : undefined),
  section<UpstreamTlsConfig>({
    verify: z.boolean().default(true),
    serverName: z.string().default(''),
    ca: z.string().default(''),
    cert: z.string().default(''),
    key: z.string().default(''),
  }).nullable(),
).optional();

export const hsts = shorthand(
  { type: ['string', 'boolean'], description: 'how long browsers remember it, such as 365d' },
  (value) => (isOff(value) ? null : value === true ? {} : typeof value === 'string' ? { maxAge: value } : undefined),
  z
    .strictObject({
      maxAge: duration(0, 3 * 366 * 86_400_000).default(365 * 86_400_000),
      includeSubDomains: z.boolean().default(false),
      preload: z.boolean().default(false),
    })
    .nullable(),
).optional();

/** Everything that comes in the clear is sent to where it is not. */
export const redirectToHttps = shorthand(
  { type: ['boolean', 'integer'], description: 'true, or the port of the HTTPS listener' },
  (value) => (isOff(value) ? null : value === true ? {} : typeof value === 'number' ? { port: value } : undefined),
  z
    .strictObject({
      port: integer(1, 65_535).default(443),
      status: z.union([z.literal(301), z.literal(302), z.literal(307), z.literal(308)]).default(308),
    })
    .nullable(),
).optional();
