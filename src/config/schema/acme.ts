// Owns the written form of where certificates are obtained from.

import { z } from 'zod';

export const acme = z.strictObject({
  directory: z
    .string()
    .regex(/^https:\/\/[^\s/?#@]+(\/\S*)?$/, 'is no address of a directory; write https://…')
    .default('https://acme-v02.api.letsencrypt.org/directory'),
  email: z
    .string()
    .regex(/^([^\s@<>,]+@[^\s@<>,]+)?$/, 'is no e-mail address')
    .default(''),
  storage: z.string().min(1),
  agreeTerms: z.boolean().default(false),
  challenge: z.enum(['auto', 'http-01', 'tls-alpn-01']).default('auto'),
  ca: z.string().default(''),
  externalAccount: z
    .strictObject({
      kid: z.string().min(1),
      hmac: z.string().regex(/^[A-Za-z0-9_-]+=*$/, 'is no base64url'),
    })
    .optional(),
});
