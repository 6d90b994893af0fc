// Owns the certificates of all listeners: read and checked when a configuration comes, looked at again while it is in effect,
// and the last good ones kept when the new ones cannot be used. Main thread only; workers get what they need in the blueprint.
//
//   prepare: read ─▶ good ──a file changed, time to renew keys──▶ told (`onChange`), which prepares again
//              └ a reason       a file that cannot be used ─▶ the last good one stays, a problem is told

import { randomBytes } from 'node:crypto';
import { filesOf } from '../acme/stored.ts';
import type { ConfigIssue } from '../config/issues.ts';
import type { AcmeConfig, Config, TlsConfig } from '../config/types.ts';
import type { Clock, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { CertificateFiles, type CertificatePair } from '../tls/certificate-files.ts';
import {
  type CertificateMaterial,
  TICKET_KEY_BYTES,
  type TlsMaterial,
  type UpstreamMaterial,
} from '../tls/material.ts';
import { readUpstream, tlsListeners } from './tls-files.ts';

export interface TlsBlueprint {
  /** By listener. */
  readonly materials: Readonly<Record<string, TlsMaterial>>;
  /** By pool. */
  readonly upstreams: Readonly<Record<string, UpstreamMaterial>>;
  /** Seals session tickets, in all workers alike. */
  readonly ticketKey: Uint8Array;
}

/** Of a configuration that has none. */
export const NO_TLS: TlsBlueprint = { materials: {}, upstreams: {}, ticketKey: new Uint8Array(TICKET_KEY_BYTES) };

export interface TlsKeeperOptions {
  readonly clock: Clock;
  readonly folder: string;
  /** What was read is not what workers have. */
  readonly onChange: () => void;
  readonly onProblem: (reason: string) => void;
  /** What is in use from now on and is to be stapled. */
  readonly onUse?: (certificates: readonly CertificateMaterial[]) => void;
}

interface Kept {
  readonly configs: Readonly<Record<string, string>>;
  readonly blueprint: TlsBlueprint;
  readonly pairs: readonly CertificatePair[];
  readonly problems: readonly string[];
}

const POLL_MS = 5000;
/** So many pairs are looked at every time; more of them less often. */
const FEW = 500;
const PAUSE_EACH_MS = 6;

export class TlsKeeper {
  readonly #options: TlsKeeperOptions;
  readonly #files: CertificateFiles;
  #ticketKey = randomBytes(TICKET_KEY_BYTES);
  #ticketKeySince: number;
  #current: Kept | undefined;
  #next: Kept | undefined;
  #timer: Timer | undefined;
  #config: Config | undefined;
  #nextConfig: Config | undefined;
  #told = new Set<string>();
  /** At each file. */
  #lookedAt = 0;
  #closed = false;

  constructor(options: TlsKeeperOptions) {
    this.#options = options;
    this.#files = new CertificateFiles(options.folder);
    this.#ticketKeySince = options.clock.now();
  }

  /** What is wrong with files that are configured, while older ones serve in their stead. */
  get problems(): readonly string[] {
    return this.#current?.problems ?? [];
  }

  /** Wall-clock ms when the first certificate of each listener that is to expire does. */
  get expiries(): ReadonlyMap<string, number> {
    const materials = Object.entries(this.#current?.blueprint.materials ?? {});
    return new Map(
      materials.map(([name, { certificates }]) => [name, certificates.reduce(earlier, Number.POSITIVE_INFINITY)]),
    );
  }

  async prepare(config: Config): Promise<Result<TlsBlueprint, ConfigIssue[]>> {
    this.abort();
    const read = await this.#read(config);
    if (!read.ok) return read;
    this.#next = read.value;
    this.#nextConfig = config;
    return ok(read.value.blueprint);
  }

  async #read(config: Config): Promise<Result<Kept, ConfigIssue[]>> {
    const issues: ConfigIssue[] = [];
    const problems: string[] = [];
    const materials: Record<string, TlsMaterial> = {};
    const configs: Record<string, string> = {};
    const pairs: CertificatePair[] = [];
    for (const [name, tls] of tlsListeners(config)) {
      configs[name] = JSON.stringify(tls);
      // The same settings as before: whoever broke a file did not ask us to stop.
      const before =
        this.#current?.configs[name] === configs[name] ? this.#current.blueprint.materials[name] : undefined;
      const found = await this.#material(name, tls, config.acme, before, pairs);
      materials[name] = found.material;
      if (before === undefined) issues.push(...found.issues);
      else problems.push(...found.issues.map(({ message }) => message));
    }
    const upstreams: Record<string, UpstreamMaterial> = {};
    for (const { name, tls } of Object.values(config.pools)) {
      if (tls === undefined) continue;
      const known = this.#current?.blueprint.upstreams[name];
      const found = await readUpstream(this.#files, name, tls, pairs);
      if (found.ok) upstreams[name] = found.value;
      else if (known === undefined) issues.push(...found.error);
      else {
        upstreams[name] = known;
        problems.push(...found.error.map(({ message }) => message));
      }
    }
    if (issues.length > 0) return err(issues);
    return ok({ configs, blueprint: { materials, upstreams, ticketKey: this.#ticketKey }, pairs, problems });
  }

  async #material(
    name: string,
    tls: TlsConfig,
    acme: AcmeConfig | undefined,
    before: TlsMaterial | undefined,
    all: CertificatePair[],
  ): Promise<{ material: TlsMaterial; issues: ConfigIssue[] }> {
    const issues: ConfigIssue[] = [];
    const at = ['listeners', name, 'tls'];
    const certificates: CertificateMaterial[] = [];
    const bySource = new Map(before?.certificates.map((one) => [one.source, one]));
    const now = this.#options.clock.epoch();
    for (const [i, config] of tls.certificates.entries()) {
      const path = [...at, 'certificates', i];
      const pairs = await this.#files.pairs(filesOf(config, acme));
      if (!pairs.ok) {
        issues.push({ path, message: `cannot be used: ${pairs.error}` });
        if ('directory' in config) certificates.push(...(before?.certificates ?? []));
        continue;
      }
      all.push(...pairs.value);
      for (const [j, result] of (await this.#files.read(pairs.value)).entries()) {
        const old = bySource.get(pairs.value[j].cert);
        const fault = result.ok ? expiredInsteadOf(result.value, old, now) : result.error;
        if (fault === undefined && result.ok) certificates.push(result.value);
        else {
          issues.push({ path, message: `cannot be used: ${fault}` });
          if (old !== undefined) certificates.push(old);
        }
      }
    }
    const ca = tls.clients === undefined ? ok('') : await this.#files.text(tls.clients.ca, 'certificates');
    if (!ca.ok) issues.push({ path: [...at, 'clients', 'ca'], message: `cannot be used: ${ca.error}` });
    const crl =
      tls.clients === undefined || tls.clients.crl === ''
        ? ok('')
        : await this.#files.text(tls.clients.crl, 'revocations');
    if (!crl.ok) issues.push({ path: [...at, 'clients', 'crl'], message: `cannot be used: ${crl.error}` });
    const material = {
      certificates,
      clientCa: ca.ok ? ca.value : (before?.clientCa ?? ''),
      clientCrl: crl.ok ? crl.value : (before?.clientCrl ?? ''),
    };
    return { material, issues };
  }

  commit(): void {
    if (this.#next === undefined) return;
    this.#current = this.#next;
    this.#config = this.#nextConfig;
    this.#next = undefined;
    this.#files.retain(this.#current.pairs);
    this.#options.onUse?.(this.#stapled());
    this.#tellProblems(this.#current.problems);
    this.#timer?.cancel();
    this.#timer = undefined;
    const { materials, upstreams } = this.#current.blueprint;
    if (Object.keys(materials).length + Object.keys(upstreams).length > 0) this.#poll();
  }

  #stapled(): readonly CertificateMaterial[] {
    const materials = this.#current?.blueprint.materials ?? {};
    return tlsListeners(this.#config!).flatMap(([name, { ocsp }]) => (ocsp ? materials[name].certificates : []));
  }

  /** Each once, and again when it has been away. */
  #tellProblems(problems: readonly string[]): void {
    for (const problem of problems) {
      if (!this.#told.has(problem)) this.#options.onProblem(`tls: ${problem}; the last good one stays in use`);
    }
    this.#told = new Set(problems);
  }

  #poll(): void {
    this.#timer = this.#options.clock.after(POLL_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const config = this.#config;
    const current = this.#current;
    if (this.#closed || config === undefined || current === undefined) return;
    const rotates = this.#rotateTicketKey(config);
    if (!rotates && !(await this.#isDue(current))) {
      this.#timer?.cancel();
      return this.#poll();
    }
    const read = await this.#read(config);
    if (this.#closed || this.#current !== current) return;
    if (read.ok && (rotates || !same(read.value.blueprint, current.blueprint))) {
      this.#poll();
      return this.#options.onChange();
    }
    if (read.ok) {
      this.#current = { ...current, problems: read.value.problems };
      this.#tellProblems(read.value.problems);
    }
    this.#timer?.cancel();
    this.#poll();
  }

  /** Many files are not looked at one by one every time: a folder tells when something in it comes, goes or is renamed over. */
  async #isDue({ pairs }: Kept): Promise<boolean> {
    const now = this.#options.clock.now();
    const pauseMs = pairs.length <= FEW ? 0 : pairs.length * PAUSE_EACH_MS;
    if (now - this.#lookedAt < pauseMs && !(await this.#files.foldersMoved())) return false;
    this.#lookedAt = now;
    return true;
  }

  /** A key is used for no longer than the shortest time that a session may live. */
  #rotateTicketKey(config: Config): boolean {
    const { clock } = this.#options;
    const shortest = Math.min(Number.POSITIVE_INFINITY, ...tlsListeners(config).map(([, tls]) => tls.sessionMs));
    if (clock.now() - this.#ticketKeySince < shortest) return false;
    this.#ticketKey = randomBytes(TICKET_KEY_BYTES);
    this.#ticketKeySince = clock.now();
    return true;
  }

  abort(): void {
    this.#next = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}

/** One that has expired takes nobody's place who has not. */
function expiredInsteadOf(
  fresh: CertificateMaterial,
  old: CertificateMaterial | undefined,
  now: number,
): string | undefined {
  if (fresh.notAfter > now || old === undefined || old.notAfter <= now || old.id === fresh.id) return undefined;
  return `${fresh.source} expired on ${new Date(fresh.notAfter).toISOString().slice(0, 10)}`;
}

function earlier(earliest: number, { notAfter }: CertificateMaterial): number {
  return Math.min(earliest, notAfter);
}

function same(a: TlsBlueprint, b: TlsBlueprint): boolean {
  return signature(a) === signature(b);
}

function signature({ materials, upstreams }: TlsBlueprint): string {
  return JSON.stringify([
    upstreams,
    Object.entries(materials).map(([name, { certificates, clientCa, clientCrl }]) => [
      name,
      certificates.map(({ content, source }) => [content, source]),
      clientCa,
      clientCrl,
    ]),
  ]);
}
