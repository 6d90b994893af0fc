// Owns the account with an authority: its key, made once and kept, and its address. An authority that has forgotten the account
// is given the same key again.

import { generateKeyPairSync } from 'node:crypto';
import type { AcmeConfig } from '../config/types.ts';
import type { Acme } from './client.ts';
import type { AcmeStorage } from './storage.ts';

export type Client = InstanceType<Acme['Client']>;

interface Account {
  readonly key: string;
  /** '' until the authority has given it one. */
  readonly url: string;
  readonly email: string;
}

export class Accounts {
  readonly #config: AcmeConfig;
  readonly #storage: AcmeStorage;

  constructor(config: AcmeConfig, storage: AcmeStorage) {
    this.#config = config;
    this.#storage = storage;
  }

  get #file(): string {
    return `account.${this.#config.directory.replace(/^https:\/\//, '').replace(/[^A-Za-z0-9.-]+/g, '_')}.json`;
  }

  /** `afresh`: the authority does not know the address that we have. */
  async open(acme: Acme, afresh = false): Promise<Client> {
    const { directory, email, externalAccount } = this.#config;
    const known = await this.#read();
    const key = known?.key ?? newKey();
    // Before the authority knows it: an account whose key is lost is of no use to anybody.
    if (known === undefined) await this.#write({ key, url: '', email });
    const url = afresh ? '' : (known?.url ?? '');
    const client = new acme.Client({
      directoryUrl: directory,
      accountKey: key,
      ...(url === '' ? {} : { accountUrl: url }),
      ...(externalAccount && {
        externalAccountBinding: { kid: externalAccount.kid, hmacKey: externalAccount.hmac },
      }),
    });
    if (url !== '' && known?.email === email) return client;
    await client.createAccount({
      termsOfServiceAgreed: true,
      contact: email === '' ? [] : [`mailto:${email}`],
    });
    await this.#write({ key, url: client.getAccountUrl(), email });
    return client;
  }

  async #read(): Promise<Account | undefined> {
    const text = await this.#storage.read(this.#file);
    if (text === undefined) return undefined;
    try {
      const { key, url, email } = JSON.parse(text) as Account;
      return typeof key === 'string' && typeof url === 'string' ? { key, url, email } : undefined;
    } catch {
      // Nothing of worth is lost with it: whoever can show the names gets certificates with another account too.
      return undefined;
    }
  }

  #write(account: Account): Promise<void> {
    return this.#storage.write(this.#file, `${JSON.stringify(account, undefined, 2)}\n`);
  }
}

function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
}
