// Owns one balancer's part in a cluster: it writes itself down, sees who else is there, and hands that to what is shared. While the
// Redis does not answer it goes on alone with what it has, says so once, and comes back by itself.
//
//   joining ──first answer──▶ joined ──no answer for a second or two──▶ alone ──answer──▶ joined

import { randomBytes } from 'node:crypto';
import type { ClusterConfig } from '../config/types.ts';
import type { Env, Timer } from '../core/env.ts';
import type { Result } from '../core/result.ts';
import type {
  Balancer,
  ClusterControl,
  ClusterStatus,
  Configurations,
  Publication,
  PublishRefusal,
} from '../runtime/facade.ts';
import { SharedRedis } from '../store/redis.ts';
import { Board } from './board.ts';
import { Lease } from './lease.ts';
import { BEAT_MS, type Beat, type Member, Members, type Self } from './members.ts';
import { Seal } from './seal.ts';
import { SharedCertificates } from './shared-acme.ts';
import { NO_SECRET, SharedConfig } from './shared-config.ts';
import { SharedHealth } from './shared-health.ts';
import { SharedLatency } from './shared-latency.ts';

export interface ClusterOptions {
  readonly config: ClusterConfig;
  /** '' for none. */
  readonly secret: string;
  /** Without a password. */
  readonly where: string;
  readonly env: Env;
  readonly log: { info(text: string): void; warn(text: string): void };
  readonly balancer: Balancer;
  readonly configurations: Configurations | undefined;
  readonly version: string;
  readonly host: string;
  /** When our own file was written, wall-clock ms. */
  readonly fileTime: number;
}

/** A start does not wait longer. */
const JOIN_MS = 1000;
/** A connection that breaks may be back at once. */
const PATIENCE_MS = 1000;
const LEASE_MS = 9000;
const TWINS = 5;
const NO_SEAL =
  'certificates are not shared: their keys are no secret without a "secret" of "cluster"; each balancer orders its own';

export class Cluster implements ClusterControl {
  readonly #options: ClusterOptions;
  readonly #instance = randomBytes(9).toString('base64url');
  readonly #name: string;
  readonly #redis: SharedRedis;
  readonly #board: Board;
  readonly #members: Members;
  readonly #config: SharedConfig;
  readonly #health: SharedHealth | undefined;
  readonly #latency: SharedLatency | undefined;
  readonly #acme: SharedCertificates | undefined;
  readonly #leases = new Map<string, Lease>();
  readonly #startedAt: number;
  #state: ClusterStatus['state'] = 'joining';
  #since: number;
  #nodes: readonly Member[] = [];
  #applied = false;
  #closed = false;
  #beating = false;
  #again = false;
  #timer: Timer | undefined;
  #patience: Timer | undefined;
  #onJoin: (() => void) | undefined;
  /** Beats in a row before which somebody else had written our name. */
  #twins = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { config, secret, env, host, balancer, configurations, fileTime, log } = options;
    const { sharing } = balancer;
    this.#startedAt = this.#since = env.clock.epoch();
    const given = host.replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, 40) || 'node';
    this.#name = config.node === '' ? `${given}-${randomBytes(3).toString('hex')}` : config.node;
    this.#redis = new SharedRedis({ url: config.redis.url, env, onChange: () => this.#changed() });
    const { prefix, timeoutMs } = config.redis;
    const seal = new Seal(secret);
    this.#board = new Board({ redis: this.#redis, prefix, timeoutMs, seal, instance: this.#instance });
    this.#members = new Members(this.#board, this.#name);
    this.#config = new SharedConfig({
      board: this.#board,
      name: this.#name,
      configurations,
      fileTime,
      isShared: config.config && seal.isSecret,
      onAnswer: () => this.#beatSoon(),
      say: (isProblem, text) => (isProblem ? log.warn(text) : log.info(text)),
    });
    const common = { board: this.#board, clock: env.clock, name: this.#name, sharing };
    this.#health = config.health === undefined ? undefined : new SharedHealth({ ...common, ...config.health });
    this.#latency = config.latency ? new SharedLatency({ ...common, report: () => balancer.latency() }) : undefined;
    this.#acme = this.#shareAcme();
    this.#board.on('left', (node) => this.#left(node));
    // Until it is known who else is there nothing is probed: others may do it already.
    if (this.#health !== undefined) sharing.probeOnly(() => false);
    sharing.tellStatus(() => this.status());
  }

  /** Resolves when it is known who else is there, or when that takes too long. */
  join(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.env.clock.after(JOIN_MS, () => {
        if (this.#state === 'joining') this.#alone();
        resolve();
      });
      this.#onJoin = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** The first configuration is in effect. */
  start(): void {
    this.#applied = true;
    this.#options.balancer.subscribe(({ kind }) => {
      if (kind === 'config') this.#health?.review();
    });
    if (this.#state === 'alone') this.#health?.alone();
    this.#beatSoon();
  }

  /** Before anything is ordered: others may have it already. */
  #shareAcme(): SharedCertificates | undefined {
    const { config, env, balancer } = this.#options;
    if (!config.certificates || !this.#board.seal.isSecret) return undefined;
    const acme = new SharedCertificates({
      board: this.#board,
      clock: env.clock,
      name: this.#name,
      lease: () => this.lease('acme'),
      aloneMs: () => (this.#state === 'joined' ? 0 : env.clock.epoch() - this.#since),
    });
    balancer.sharing.shareAcme(acme);
    return acme;
  }

  /** The right to act for all in something. */
  lease(name: string): Lease {
    let lease = this.#leases.get(name);
    if (lease === undefined) {
      const { clock } = this.#options.env;
      lease = new Lease({ board: this.#board, clock, name, instance: this.#instance, ttlMs: LEASE_MS });
      this.#leases.set(name, lease);
      lease.start();
    }
    return lease;
  }

  publish(text: string, publication: Publication): Promise<Result<number, PublishRefusal>> {
    return this.#config.publish(text, publication);
  }

  status(): ClusterStatus {
    const { config, where } = this.#options;
    const isOpen = !this.#board.seal.isSecret;
    return {
      node: this.#name,
      redis: where,
      state: this.#state,
      since: this.#since,
      nodes: this.#nodes.map(({ name, self, version, host, startedAt, etag, config: said }) => {
        const { etag: own, answer } = this.#config;
        return {
          name,
          self,
          version,
          host,
          startedAt,
          ...(self ? { etag: own, config: answer } : { etag, config: said }),
        };
      }),
      health: this.#health?.counts,
      config: this.#config.published,
      leases: [...this.#leases.values()].map(({ name, held, token }) => ({ name, held, token })),
      notes: [
        ...(isOpen && config.config ? [NO_SECRET] : []),
        ...(isOpen && config.certificates && this.#options.balancer.config.acme !== undefined ? [NO_SEAL] : []),
      ],
    };
  }

  async stop(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#patience?.cancel();
    this.#health?.close();
    this.#latency?.close();
    for (const lease of this.#leases.values()) await lease.stop();
    await this.#members.leave();
    this.#redis.close();
  }

  #changed(): void {
    if (this.#closed) return;
    if (this.#redis.up) return this.#beatSoon();
    this.#patience ??= this.#options.env.clock.after(PATIENCE_MS, () => {
      this.#patience = undefined;
      if (!this.#redis.up) this.#alone();
    });
  }

  #beatSoon(): void {
    if (this.#closed) return;
    if (this.#beating) this.#again = true;
    else void this.#beat();
  }

  async #beat(): Promise<void> {
    this.#timer?.cancel();
    this.#beating = true;
    const beat = await this.#members.beat(this.#self());
    this.#beating = false;
    if (this.#closed) return;
    if (beat !== undefined) this.#joined(beat);
    else if (this.#state === 'joined') this.#changed();
    if (this.#again) {
      this.#again = false;
      return void this.#beat();
    }
    const { clock, random } = this.#options.env;
    this.#timer = clock.after(BEAT_MS * (0.9 + 0.1 * random.unit()), () => this.#beatSoon());
  }

  #self(): Self {
    const { version, host } = this.#options;
    return {
      instance: this.#instance,
      version,
      host,
      startedAt: this.#startedAt,
      etag: this.#config.etag,
      config: this.#config.answer,
      revs: { verdicts: this.#health?.rev ?? 0, latency: this.#latency?.rev ?? 0, challenges: this.#acme?.rev ?? 0 },
    };
  }

  #joined({ members, isNew, before, configVersion }: Beat): void {
    const { log, where } = this.#options;
    this.#patience?.cancel();
    this.#patience = undefined;
    this.#twin(before);
    this.#nodes = members;
    if (this.#state !== 'joined') {
      const others = members.length - 1;
      log.info(`cluster: ${this.#name} has joined ${others} other balancer${others === 1 ? '' : 's'} at ${where}`);
      this.#become('joined');
    }
    this.#health?.members(members, isNew);
    this.#latency?.members(members, isNew);
    this.#acme?.members(members, isNew);
    this.#onJoin?.();
    this.#onJoin = undefined;
    if (this.#applied) void this.#config.look(configVersion);
  }

  /** Whoever writes our name between two of our beats has it too. */
  #twin(before: string): void {
    const isTwin = this.#state === 'joined' && before !== '' && before !== this.#instance;
    this.#twins = isTwin ? this.#twins + 1 : 0;
    // Whoever takes over from an older process has its name for a moment.
    if (this.#twins !== TWINS) return;
    this.#options.log.warn(`cluster: another balancer is named ${this.#name} as well: their names must differ`);
  }

  #left(node: string): void {
    if (!this.#nodes.some(({ name, self }) => name === node && !self)) return;
    this.#nodes = this.#nodes.filter(({ name }) => name !== node);
    this.#health?.left(node);
  }

  #alone(): void {
    if (this.#state === 'alone' || this.#closed) return;
    this.#become('alone');
    this.#nodes = this.#nodes.filter(({ self }) => self);
    this.#options.log.warn(
      `cluster: ${this.#options.where} does not answer: this balancer goes on alone with what it has, and checks everything itself`,
    );
    this.#health?.alone();
  }

  #become(state: ClusterStatus['state']): void {
    this.#state = state;
    this.#since = this.#options.env.clock.epoch();
  }
}
