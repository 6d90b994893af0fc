// Owns the answers of OCSP responders for the certificates in use: fetched, judged, renewed long before they end, told to the
// workers, and taken back when nothing newer came in time. A responder that fails changes nothing but what is told.
//
//   watched ──asked──▶ good: stapled ──half its time──▶ asked again        failed ─▶ asked again, each time later; an answer that
//                                                                            has ended meanwhile is taken back

import { X509Certificate } from 'node:crypto';
import type { Clock, Random, Timer } from '../core/env.ts';
import type { Result } from '../core/result.ts';
import type { Log } from '../observe/log.ts';
import type { CertificateMaterial } from '../tls/material.ts';
import { type CertificateName, nameOf, requestFor, responderOf } from '../tls/ocsp/certificate-id.ts';
import { judge } from '../tls/ocsp/response.ts';
import type { Staple } from '../tls/staples.ts';

export interface OcspKeeperOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly ask: (url: string, request: Uint8Array) => Promise<Result<Buffer, string>>;
  readonly onStaples: (staples: readonly Staple[]) => void;
}

export interface OcspReport {
  /** Certificates that name a responder: those with an answer to staple, and those without. */
  readonly stapled: number;
  readonly missing: number;
  /** Answers that were asked for. */
  readonly good: number;
  readonly failed: number;
}

interface Watched {
  readonly id: string;
  readonly source: string;
  readonly url: string;
  readonly issuer: X509Certificate;
  readonly name: CertificateName;
  response: Uint8Array | undefined;
  /** Wall-clock ms; of `response`. */
  until: number;
  /** Last told of a failure: whether there still was one. */
  hadResponse: boolean;
  failures: number;
  reason: string;
  timer: Timer | undefined;
}

const AT_ONCE = 4;
const FIRST_RETRY_MS = 60_000;
const LAST_RETRY_MS = 3_600_000;
/** A responder that lets its answers end within seconds is not asked all the time. */
const SHORTEST_MS = 60_000;
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

export class OcspKeeper {
  readonly #options: OcspKeeperOptions;
  #watched = new Map<string, Watched>();
  readonly #waiting: Watched[] = [];
  #running = 0;
  #good = 0;
  #failed = 0;
  #closed = false;

  constructor(options: OcspKeeperOptions) {
    this.#options = options;
  }

  /** The certificates in use from now on whose answers are wanted. */
  watch(certificates: readonly CertificateMaterial[]): void {
    const next = new Map<string, Watched>();
    for (const certificate of certificates) {
      if (next.has(certificate.id)) continue;
      const one = this.#watched.get(certificate.id) ?? this.#begin(certificate);
      if (one !== undefined) next.set(one.id, one);
    }
    const gone = [...this.#watched.values()].filter(({ id }) => !next.has(id));
    for (const one of gone) one.timer?.cancel();
    this.#watched = next;
    this.#tell(gone.filter(({ response }) => response !== undefined).map(({ id }) => ({ id, response: undefined })));
    for (const one of next.values()) if (one.timer === undefined) this.#schedule(one, 0);
  }

  #begin({ id, source, cert }: CertificateMaterial): Watched | undefined {
    const [leaf, ...others] = (cert.match(PEM) ?? []).map((pem) => new X509Certificate(pem));
    const url = responderOf(leaf);
    if (url === undefined) return undefined;
    const issuer = others.find((one) => leaf.checkIssued(one));
    if (issuer === undefined) {
      this.#options.log.warn(`tls: ${source} holds no certificate of its issuer, so no OCSP answer can be stapled`);
      return undefined;
    }
    const name = nameOf(leaf, issuer);
    const nothing = { response: undefined, until: 0, hadResponse: false, failures: 0, reason: '', timer: undefined };
    return { id, source, url, issuer, name, ...nothing };
  }

  #schedule(one: Watched, ms: number): void {
    one.timer?.cancel();
    one.timer = this.#options.clock.after(ms, () => {
      this.#waiting.push(one);
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#running < AT_ONCE && this.#waiting.length > 0) {
      const one = this.#waiting.shift()!;
      if (this.#watched.get(one.id) === one) void this.#renew(one);
    }
  }

  async #renew(one: Watched): Promise<void> {
    this.#running++;
    this.#dropEnded(one);
    const answer = await this.#options.ask(one.url, requestFor(one.name));
    this.#running--;
    if (this.#closed) return;
    if (this.#watched.get(one.id) === one) this.#take(one, answer);
    this.#pump();
  }

  #take(one: Watched, answer: Result<Buffer, string>): void {
    const now = this.#options.clock.epoch();
    const judged = answer.ok ? judge(answer.value, one.name, one.issuer, now) : answer;
    if (!judged.ok || !answer.ok) return this.#fail(one, judged.ok ? '' : judged.error, now);
    this.#good++;
    if (one.failures > 0) this.#options.log.info(`tls: the OCSP responder of ${one.source} answers again`);
    one.failures = 0;
    one.reason = '';
    one.hadResponse = true;
    one.until = judged.value.until;
    one.response = new Uint8Array(answer.value);
    this.#tell([{ id: one.id, response: one.response }]);
    const half = (judged.value.from + judged.value.until) / 2 - now;
    this.#schedule(one, Math.min(this.#spread(Math.max(SHORTEST_MS, half)), one.until - now));
  }

  #dropEnded(one: Watched): void {
    if (one.response === undefined || one.until > this.#options.clock.epoch()) return;
    one.response = undefined;
    this.#tell([{ id: one.id, response: undefined }]);
  }

  #fail(one: Watched, reason: string, now: number): void {
    this.#failed++;
    const had = one.hadResponse;
    this.#dropEnded(one);
    one.hadResponse = one.response !== undefined;
    if (reason !== one.reason || had !== one.hadResponse) {
      const rest = one.response === undefined ? 'nothing is stapled' : 'the last answer is stapled as long as it holds';
      this.#options.log.warn(`tls: no new OCSP answer for ${one.source}: ${reason}; ${rest}`);
    }
    one.reason = reason;
    const pause = this.#spread(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** one.failures++));
    const left = one.response === undefined ? Number.POSITIVE_INFINITY : Math.max(1, one.until - now);
    this.#schedule(one, Math.min(pause, left));
  }

  /** By up to a tenth earlier, so that many certificates do not ask at once. */
  #spread(ms: number): number {
    return ms * (1 - 0.1 * this.#options.random.unit());
  }

  #tell(staples: readonly Staple[]): void {
    if (staples.length > 0) this.#options.onStaples(staples);
  }

  /** For a worker that knows nothing. */
  get all(): readonly Staple[] {
    return [...this.#watched.values()]
      .filter(({ response }) => response !== undefined)
      .map(({ id, response }) => ({ id, response }));
  }

  get report(): OcspReport {
    const stapled = this.all.length;
    return { stapled, missing: this.#watched.size - stapled, good: this.#good, failed: this.#failed };
  }

  close(): void {
    this.#closed = true;
    for (const one of this.#watched.values()) one.timer?.cancel();
  }
}
