// Owns what a worker answers to a certificate authority that comes to see whether a name is ours: HTTP-01 (RFC 8555 §8.3) and
// TLS-ALPN-01 (RFC 8737). It knows only what the control plane told it, and nothing most of the time.

import { createSecureContext } from 'node:tls';
import type { NamedContext } from './contexts.ts';

export const ACME_TLS = 'acme-tls/1';
const PREFIX = '/.well-known/acme-challenge/';

/** Plain data. */
export type Challenge =
  | { readonly type: 'http-01'; readonly token: string; readonly answer: string }
  /** PEM. */
  | { readonly type: 'tls-alpn-01'; readonly name: string; readonly cert: string; readonly key: string };

export class KnownChallenges {
  #answers = new Map<string, string>();
  #contexts = new Map<string, NamedContext>();

  /** All that are pending from now on. */
  learn(all: readonly Challenge[]): void {
    this.#answers = new Map();
    this.#contexts = new Map();
    for (const one of all) {
      if (one.type === 'http-01') this.#answers.set(one.token, one.answer);
      else {
        const context = createSecureContext({ cert: one.cert, key: one.key, minVersion: 'TLSv1.2' });
        this.#contexts.set(one.name, { context, certificate: '' });
      }
    }
  }

  /** The body for this path, if it is one that is waited for. */
  answerTo(path: string): string | undefined {
    return this.#answers.size === 0 || !path.startsWith(PREFIX)
      ? undefined
      : this.#answers.get(path.slice(PREFIX.length));
  }

  /** What proves a name to a client that says it comes for nothing else. */
  proofFor(serverName: string, alpn: readonly string[]): NamedContext | undefined {
    if (this.#contexts.size === 0 || alpn.length !== 1 || alpn[0] !== ACME_TLS) return undefined;
    return this.#contexts.get(serverName);
  }
}
