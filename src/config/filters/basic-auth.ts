// Owns the written form of `basic-auth`: users with hashed passwords (RFC 7617, htpasswd).

import { z } from 'zod';
import type { BasicAuthSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

/** What `htpasswd` writes, and argon2 in the form of its reference implementation. */
export const PASSWORD_HASH =
  /^(?:\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|\{SHA\}[A-Za-z0-9+/]{27}=|\$argon2(?:id|i|d)\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)$/;

export const basicAuth: FilterForm<BasicAuthSettings> = {
  name: 'basic-auth',
  schema: z.strictObject({
    users: z.record(z.string().regex(/^[^:\s]+$/, 'is no name of a user'), z.string()).default({}),
    file: z.string().default(''),
    realm: z
      .string()
      .regex(/^[^"\\\p{Cc}]*$/u, 'holds a quote or a control character')
      .default('restricted'),
    hide: z.boolean().default(true),
  }) as unknown as z.ZodType<BasicAuthSettings>,
  check: ({ users, file }, path, findings) => {
    for (const [name, hash] of Object.entries(users)) {
      if (!PASSWORD_HASH.test(hash))
        findings.add([...path, 'users', name], 'is no hash of a password', 'make one: htpasswd -nB USER');
    }
    if (Object.keys(users).length === 0 && file === '') findings.add(path, 'knows no users', 'file: users.htpasswd');
  },
  write: ({ users, ...rest }) => ({
    ...rest,
    users: Object.fromEntries(Object.keys(users).map((name) => [name, `{SHA}${'A'.repeat(27)}=`])),
  }),
};
