// Owns who may ask the admin server for what. Without tokens everybody on this machine may do everything, but no web page that
// happens to be open in a browser here; with tokens, whoever has one.

import { createHash, timingSafeEqual } from 'node:crypto';

export type Role = 'read' | 'operate';

export interface Token {
  /** As the audit log has it. */
  readonly name: string;
  readonly role: Role;
  readonly secret: string;
}

export interface Principal {
  readonly name: string;
  readonly role: Role;
}

/** What of a request matters here. */
export interface Asker {
  readonly method: string;
  readonly host: string | undefined;
  /** Address of the client. */
  readonly peer: string;
  readonly authorization: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly contentType: string | undefined;
  /** Value of `X-Evenkeel`. */
  readonly ownField: string | undefined;
}

export type Verdict =
  | { readonly ok: true; readonly who: Principal }
  | { readonly ok: false; readonly status: 401 | 403; readonly reason: string };

/** Names under which a browser may reach a loopback server; others are DNS rebinding. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
const LOOPBACK_PEER = /^(?:127\.|::1$|::ffff:127\.)/;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const LOCAL: Principal = { name: 'local', role: 'operate' };

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export class Gate {
  #tokens: readonly (Principal & { readonly digest: Buffer })[] = [];

  constructor(tokens: readonly Token[]) {
    this.setTokens(tokens);
  }

  setTokens(tokens: readonly Token[]): void {
    this.#tokens = tokens.map(({ name, role, secret }) => ({ name, role, digest: digest(secret) }));
  }

  get asks(): boolean {
    return this.#tokens.length > 0;
  }

  judge(asker: Asker): Verdict {
    const who = this.#tokens.length === 0 ? this.#local(asker) : this.#known(asker);
    if (!who.ok || SAFE.has(asker.method)) return who;
    return isForged(asker)
      ? { ok: false, status: 403, reason: 'not for pages of other sites: send the field X-Evenkeel: 1' }
      : who;
  }

  #local({ host, peer }: Asker): Verdict {
    return LOOPBACK_HOST.test(host ?? '') && LOOPBACK_PEER.test(peer)
      ? { ok: true, who: LOCAL }
      : { ok: false, status: 403, reason: 'ask by a loopback name' };
  }

  #known({ authorization }: Asker): Verdict {
    const given = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1];
    if (given === undefined) return { ok: false, status: 401, reason: 'a bearer token is needed' };
    const asked = digest(given);
    // All are compared, so that the time tells nothing.
    const [who] = this.#tokens.filter((token) => timingSafeEqual(token.digest, asked));
    if (who === undefined) return { ok: false, status: 401, reason: 'this token is not known' };
    return { ok: true, who: { name: who.name, role: who.role } };
  }
}

/** Pages of other sites can send forms here from an operator's browser, but none of these fields without asking first. */
function isForged({ origin, host, fetchSite = 'none', contentType = '', ownField }: Asker): boolean {
  const isOurs = ownField === '1' || /^application\/json(?:;|$)/i.test(contentType);
  if (!isOurs) return true;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) return true;
  return fetchSite !== 'none' && fetchSite !== 'same-origin';
}
