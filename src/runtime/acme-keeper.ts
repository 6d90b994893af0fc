// Owns the certificates that are obtained from an authority: read from their folder at the start, ordered when they are missing,
// renewed in time, and never asked for more often than is polite. What it obtains it writes to files; `tls-keeper.ts` reads
// those as it reads any others. Main thread only; no connection ever waits for it.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AcmeIssuer, type ChallengeBoard, type IssueFailure, type Issuer } from '../acme/issuer.ts';
import { type AcmeStorage, FolderStorage } from '../acme/storage.ts';
import { answersFor, fileNameOf, readStored, type Stored, storedText } from '../acme/stored.ts';
import { temporaryCertificate } from '../acme/temporary.ts';
import { answersHttp, tlsOf } from '../config/compile/acme.ts';
import type { ConfigIssue } from '../config/issues.ts';
import type { AcmeConfig, ChallengeType, Config } from '../config/types.ts';
import type { Env, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Log } from '../observe/log.ts';
import { AcmeCertificate, type AcmeState } from './acme-certificate.ts';
import type { SharedAcme } from './facade.ts';

export interface AcmeKeeperOptions {
  readonly env: Env;
  readonly log: Log;
  /** Where relative paths begin. */
  readonly folder: string;
  readonly board: ChallengeBoard;
  readonly issuerOf?: (config: AcmeConfig, ca: string, storage: AcmeStorage) => Issuer;
}

export interface AcmeReport {
  /** By the first name and the kind of key. */
  readonly certificates: readonly {
    readonly name: string;
    readonly keyType: string;
    readonly state: AcmeState;
    readonly notAfter: number;
  }[];
  readonly issued: number;
  readonly failed: number;
}

interface Kept {
  readonly config: AcmeConfig;
  /** PEM. */
  readonly ca: string;
  readonly storage: AcmeStorage;
  readonly issuer: Issuer;
  readonly certificates: ReadonlyMap<string, AcmeCertificate>;
  /** In the order in which they are tried. */
  readonly challenges: readonly ChallengeType[];
}

const HOUR_MS = 3_600_000;
const MOST_AT_ONCE = 4;
/** So often it is looked whether it is our turn, where balancers share what they obtain. */
const TURN_MS = 2000;
/** Let's Encrypt allows 300 orders in three hours. */
const MOST_AN_HOUR = 60;

export class AcmeKeeper {
  readonly #options: AcmeKeeperOptions;
  #current: Kept | undefined;
  #next: Kept | undefined | 'none' = 'none';
  #timer: Timer | undefined;
  #running = 0;
  /** When the orders of the last hour were begun, wall-clock ms. */
  #orders: number[] = [];
  #issued = 0;
  #shared: SharedAcme | undefined;
  #failed = 0;

  constructor(options: AcmeKeeperOptions) {
    this.#options = options;
  }

  get report(): AcmeReport {
    const now = this.#now;
    const { directory } = this.#current?.config ?? { directory: '' };
    return {
      certificates: [...(this.#current?.certificates.values() ?? [])].map((one) => ({
        name: one.config.acme[0],
        keyType: one.config.keyType,
        state: one.stateAt(now, directory),
        notAfter: one.stored.notAfter,
      })),
      issued: this.#issued,
      failed: this.#failed,
    };
  }

  get #now(): number {
    return this.#options.env.clock.epoch();
  }

  /** One balancer orders for all; the others wait for what it obtains. */
  shareWith(shared: SharedAcme): void {
    this.#shared = shared;
  }

  /** What others have comes here; what was obtained before anything was shared goes there. */
  async #exchange(shared: SharedAcme): Promise<void> {
    shared.onCertificate((file, text) => void this.#take(file, text));
    const kept = this.#current;
    for (const { file, stored, config } of kept?.certificates.values() ?? []) {
      if (!answersFor(stored, config, kept!.config.directory) || stored.notAfter <= this.#now) continue;
      const text = await kept!.storage.read(file).catch(() => undefined);
      if (text !== undefined) shared.publishCertificate(file, text);
    }
  }

  /** What another balancer obtained, if it is wanted here and better than what there is. */
  async #take(file: string, text: string): Promise<void> {
    const kept = this.#current;
    const certificate = kept?.certificates.get(file);
    if (kept === undefined || certificate === undefined || certificate.busy) return;
    const stored = readStored(text);
    const { directory } = kept.config;
    if (!stored.ok || !answersFor(stored.value, certificate.config, directory)) return;
    const isOlder = stored.value.notAfter <= certificate.stored.notAfter;
    if (isOlder && answersFor(certificate.stored, certificate.config, directory)) return;
    try {
      await kept.storage.write(file, text);
    } catch (error) {
      return this.#options.log.error(`acme: ${file} of another balancer cannot be kept: ${String(error)}`);
    }
    certificate.issued(stored.value, directory, this.#now);
    this.#options.log.info(`acme: another balancer obtained ${certificate.config.acme.join(', ')}`);
    this.#arm();
  }

  /** Afterwards there is a file for each certificate: the real one, or a temporary one. */
  async prepare(config: Config): Promise<Result<void, ConfigIssue[]>> {
    this.abort();
    const { acme } = config;
    if (acme === undefined) {
      this.#next = undefined;
      return ok(undefined);
    }
    const { folder } = this.#options;
    const refuse = (field: string, path: string, error: unknown) =>
      err([
        {
          path: ['acme', field],
          message: `cannot be used: ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
        },
      ]);
    let ca = '';
    try {
      if (acme.ca !== '') ca = await readFile(resolve(folder, acme.ca), 'utf8');
    } catch (error) {
      return refuse('ca', acme.ca, error);
    }
    try {
      this.#next = await this.#open(acme, ca, config);
      return ok(undefined);
    } catch (error) {
      return refuse('storage', acme.storage, error);
    }
  }

  async #open(acme: AcmeConfig, ca: string, config: Config): Promise<Kept> {
    const { env, board, folder, issuerOf } = this.#options;
    const known = this.#current;
    // Whatever else a reload changes, orders that run go on, and nobody forgets that an authority wants to be left alone.
    const same = known !== undefined && known.ca === ca && JSON.stringify(known.config) === JSON.stringify(acme);
    const storage = same ? known.storage : await FolderStorage.open(resolve(folder, acme.storage));
    const certificates = new Map<string, AcmeCertificate>();
    const listeners = Object.values(config.listeners);
    for (const one of listeners.flatMap((listener) => tlsOf(listener)?.certificates ?? [])) {
      if (!('acme' in one)) continue;
      const file = fileNameOf(one);
      if (certificates.has(file)) continue;
      const before = same ? known.certificates.get(file) : undefined;
      const certificate = before?.isFor(one) === true ? before : new AcmeCertificate(one, env.random);
      certificates.set(file, certificate);
      if (certificate.busy) continue;
      const stored = await this.#read(storage, certificate);
      if (!certificate.has(stored)) certificate.found(stored, acme.directory, this.#now);
    }
    const issuer = same
      ? known.issuer
      : (issuerOf?.(acme, ca, storage) ?? new AcmeIssuer({ config: acme, ca, storage, board, clock: env.clock }));
    return { config: acme, ca, storage, issuer, certificates, challenges: challengesOf(config, acme) };
  }

  /** What is in the storage; a temporary one when that is nothing, or nothing of use. */
  async #read(storage: AcmeStorage, { file, config }: AcmeCertificate): Promise<Stored> {
    const { log } = this.#options;
    const text = await storage.read(file);
    const stored = text === undefined ? undefined : readStored(text);
    if (stored?.ok === true) return stored.value;
    if (stored !== undefined) log.warn(`acme: ${file} ${stored.error}: it is obtained anew`);
    const { key, chain } = await temporaryCertificate(config.acme, this.#now);
    const temporary = storedText('', key, chain);
    await storage.write(file, temporary);
    log.warn(`acme: a temporary certificate that nobody believes serves ${config.acme.join(', ')} until there is one`);
    const made = readStored(temporary);
    if (!made.ok) throw new Error(made.error);
    return made.value;
  }

  /** When the listeners are there that answer for challenges. */
  commit(): void {
    if (this.#next === 'none') return;
    const old = this.#current;
    this.#current = this.#next;
    this.#next = 'none';
    if (old?.issuer !== this.#current?.issuer) old?.issuer.close();
    if (this.#shared !== undefined) void this.#exchange(this.#shared);
    this.#arm();
  }

  abort(): void {
    if (this.#next !== 'none' && this.#next?.issuer !== this.#current?.issuer) this.#next?.issuer.close();
    this.#next = 'none';
  }

  close(): void {
    this.abort();
    this.#current?.issuer.close();
    this.#current = undefined;
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer?.cancel();
    const kept = this.#current;
    if (kept === undefined) return;
    const idle = idleOf(kept);
    const next = Math.min(...idle.map(({ dueAt }) => dueAt));
    // A wall clock may be set: it is looked at now and then, whatever is due.
    const waitMs = Math.min(HOUR_MS, Math.max(0, next - this.#now));
    if (this.#running < MOST_AT_ONCE && idle.length > 0)
      this.#timer = this.#options.env.clock.after(waitMs, () => this.#begin(kept));
  }

  #begin(kept: Kept): void {
    const now = this.#now;
    this.#orders = this.#orders.filter((begun) => begun > now - HOUR_MS);
    const due = idleOf(kept).filter(({ dueAt }) => dueAt <= now);
    if (due.length > 0 && this.#shared?.mayOrder() === false) {
      this.#timer = this.#options.env.clock.after(TURN_MS, () => this.#begin(kept));
      return;
    }
    for (const certificate of due.sort((a, b) => a.dueAt - b.dueAt)) {
      if (this.#running >= MOST_AT_ONCE) break;
      if (!idleOf(kept).includes(certificate)) continue;
      if (this.#orders.length >= MOST_AN_HOUR) certificate.dueAt = this.#orders[0] + HOUR_MS;
      else void this.#obtain(kept, certificate);
    }
    this.#arm();
  }

  async #obtain(kept: Kept, certificate: AcmeCertificate): Promise<void> {
    const { log } = this.#options;
    const { config } = certificate;
    const names = config.acme.join(', ');
    certificate.busy = true;
    this.#running++;
    let failure: IssueFailure | undefined;
    for (const challenge of inOrder(kept.challenges, certificate.preferred)) {
      this.#orders.push(this.#now);
      const result = await kept.issuer.issue({ names: config.acme, keyType: config.keyType, challenge });
      failure = result.ok ? await this.#keep(kept, certificate, result.value) : result.error;
      if (failure === undefined) certificate.preferred = challenge;
      // Only what was not believed may be believed in another way.
      if (failure?.step !== 'challenge') break;
      if (this.#isOurs(kept)) log.warn(`acme: ${challenge} failed for ${names}: ${failure.reason}`);
    }
    this.#running--;
    certificate.busy = false;
    if (this.#isOurs(kept)) this.#account(certificate, names, failure);
    this.#arm();
  }

  #isOurs({ issuer }: Kept): boolean {
    return this.#current?.issuer === issuer;
  }

  #account(certificate: AcmeCertificate, names: string, failure: IssueFailure | undefined): void {
    const { log } = this.#options;
    if (failure === undefined) {
      this.#issued++;
      const until = new Date(certificate.stored.notAfter).toISOString();
      return log.info(`acme: there is a new certificate for ${names}, good until ${until}`);
    }
    this.#failed++;
    const waitMs = certificate.failed(failure, this.#now);
    const again = `asked again in ${Math.round(waitMs / 1000)} s`;
    log.error(`acme: no certificate for ${names}: ${failure.reason}; ${again}`, { step: failure.step });
  }

  async #keep(
    { storage, config }: Kept,
    certificate: AcmeCertificate,
    { key, chain }: { readonly key: string; readonly chain: string },
  ): Promise<IssueFailure | undefined> {
    const text = storedText(config.directory, key, chain);
    const stored = readStored(text);
    const refuse = (reason: string): IssueFailure => ({ step: 'order', reason, retryAfterMs: 0 });
    if (!stored.ok) return refuse(`what came ${stored.error}`);
    try {
      await storage.write(certificate.file, text);
    } catch (error) {
      return refuse(`it cannot be kept: ${String((error as NodeJS.ErrnoException).code ?? error)}`);
    }
    certificate.issued(stored.value, config.directory, this.#now);
    this.#shared?.publishCertificate(certificate.file, text);
    return undefined;
  }
}

/** A name can be shown to be ours for one order at a time: TLS-ALPN-01 has one certificate for it. */
function idleOf({ certificates }: Kept): AcmeCertificate[] {
  const all = [...certificates.values()];
  const taken = new Set(all.filter(({ busy }) => busy).flatMap(({ config }) => config.acme));
  return all.filter(({ busy, config }) => !busy && !config.acme.some((name) => taken.has(name)));
}

function challengesOf(config: Config, { challenge }: AcmeConfig): readonly ChallengeType[] {
  if (challenge !== 'auto') return [challenge];
  // There is a listener with TLS, or there would be no certificate to obtain.
  const http = Object.values(config.listeners).some(answersHttp);
  return http ? ['tls-alpn-01', 'http-01'] : ['tls-alpn-01'];
}

function inOrder(all: readonly ChallengeType[], first: ChallengeType | undefined): readonly ChallengeType[] {
  return first !== undefined && all.includes(first) ? [first, ...all.filter((type) => type !== first)] : all;
}
