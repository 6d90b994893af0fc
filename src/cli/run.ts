// Owns `evenkeel run`: starts a balancer from a file, keeps it in step with the file, stops it in order.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Autoscaler } from '../autoscale/autoscaler.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { sentenceOf } from '../config/issues.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { formatPlan } from '../config/plan.ts';
import type { AdminConfig, Config } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import { err, type Result } from '../core/result.ts';
import { activatedSockets, type InheritedSocket, socketsFor } from '../net/inherited-sockets.ts';
import { createLog, type Log } from '../observe/log.ts';
import { FileConfigurations, kindsFileOf } from '../runtime/configurations.ts';
import { Runtime } from '../runtime/runtime.ts';
import { type FileWatch, watchFile } from '../runtime/watch.ts';
import { type AdminServer, readTokens, startAdmin } from './admin-server.ts';
import { joinCluster } from './cluster-start.ts';
import type { CliContext } from './context.ts';
import { issuesText } from './report.ts';
import { ADMIN_SOCKET, type Inheritance, inherit, startSuccessor } from './successor.ts';
import { Systemd } from './systemd.ts';
import { version } from './version.ts';

export interface RunOptions {
  readonly config: string;
  readonly watch: boolean;
  readonly json?: boolean;
  /** Autoscaling decides, and does nothing. */
  readonly dryRun?: boolean;
}

export function workerCount(workers: Config['workers']): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

export async function run(ctx: CliContext, options: RunOptions): Promise<void> {
  const human = ctx.stderr.isTTY === true && options.json !== true;
  const log = createLog({ write: (line) => ctx.stderr.write(line), human, epoch: ctx.env.clock.epoch });
  const loaded = await loadConfig(options.config);
  if (!loaded.ok) {
    ctx.stderr.write(issuesText(options.config, loaded.error));
    ctx.exit(1);
    return;
  }
  const text = await readFile(options.config, 'utf8').catch(() => '');
  const inheritance = await inherit();
  const server = new RunningServer(ctx, options, log, loaded.value, text, inheritance);
  if (await server.start()) inheritance.serving();
  else {
    ctx.exit(1);
    // The channel to a predecessor must not keep a process alive that failed.
    if (process.connected) process.disconnect();
  }
}

class RunningServer {
  readonly #ctx: CliContext;
  readonly #options: RunOptions;
  readonly #log: Log;
  readonly #loaded: Loaded;
  readonly #runtime: Runtime;
  readonly #configurations: FileConfigurations;
  readonly #inherited: readonly InheritedSocket[];
  readonly #systemd = new Systemd(process.env);
  #admin: AdminServer | undefined;
  #autoscaler: Autoscaler | undefined;
  #isScaling = false;
  #cluster: Cluster | undefined;
  #watch: FileWatch | undefined;
  #ready = false;
  #stopping = false;
  #succession: AbortController | undefined;

  constructor(
    ctx: CliContext,
    options: RunOptions,
    log: Log,
    loaded: Loaded,
    text: string,
    { sockets, knowledge }: Inheritance,
  ) {
    this.#ctx = ctx;
    this.#options = options;
    this.#log = log;
    this.#loaded = loaded;
    const workers = workerCount(loaded.config.workers);
    const inherited = [...sockets, ...activatedSockets(process.env, process.pid)];
    this.#inherited = inherited;
    const folder = dirname(loaded.file);
    this.#runtime = new Runtime({ env: ctx.env, log, workers, version: version(), folder, inherited, knowledge });
    this.#configurations = new FileConfigurations({
      clock: ctx.env.clock,
      file: resolve(options.config),
      loaded,
      text,
      apply: (config, kindsFile) => this.#runtime.apply(config, kindsFile),
      refuse: (reason) => this.#runtime.refuse(reason),
    });
  }

  /** False when something stood in the way; then nothing is left running. */
  async start(): Promise<boolean> {
    const { config } = this.#loaded;
    // First of all: a signal while sockets are being bound must drain what is bound already.
    this.#listenForSignals();
    const problem = await this.#startAll(config);
    if (problem !== undefined) {
      this.#log.error(problem);
      await this.#admin?.close();
      await this.#autoscaler?.close();
      await this.#cluster?.stop();
      await this.#runtime.stop();
      return false;
    }
    const status = await this.#runtime.status();
    for (const { name, protocol, address, port, path } of status.listeners) {
      if (protocol === 'dns') {
        this.#log.info(`dns answers on ${address.replace(/:0$/, `:${port}`)}, UDP and TCP`);
        continue;
      }
      const how = path === 'kernel' ? ' (forwarded by the kernel)' : '';
      this.#log.info(`${name} listens on ${address.replace(/:0$/, `:${port}`)}, ${protocol}${how}`);
    }
    if (this.#admin !== undefined && config.admin !== undefined) {
      const { host } = config.admin.bind;
      const scheme = config.admin.tls === undefined ? 'http' : 'https';
      this.#log.info(
        `admin on ${scheme}://${formatAddress({ host, port: this.#admin.port })}/ (dashboard, API, metrics)`,
      );
      if (scheme === 'http' && config.admin.tokens.length > 0 && !isLoopback(host))
        this.#log.warn('admin has no "tls": tokens travel in the clear');
    }
    if (status.workers.some(({ plainSockets }) => plainSockets)) {
      this.#log.warn('this Node works otherwise than known: connections take the portable, slower way');
    }
    this.#log.info(`serving with ${status.workers.length} worker${status.workers.length === 1 ? '' : 's'}`, {
      pid: process.pid,
    });
    this.#ready = true;
    // Whoever brought a configuration: the file, the API, other balancers.
    this.#runtime.subscribe(({ kind }) => {
      if (kind === 'config') void this.#configured();
    });
    this.#systemd.ready();
    this.#systemd.watch(() => this.#runtime.isAlive());
    if (this.#options.watch)
      this.#watch = watchFile(resolve(this.#options.config), () => void this.#reload('the file changed'));
    return true;
  }

  async #startAll(config: Config): Promise<string | undefined> {
    const joined = await this.#joinCluster(config);
    if (joined !== undefined) return joined;
    const applied = await this.#runtime.apply(config, kindsFileOf(this.#loaded));
    if (!applied.ok) return applied.error.map(sentenceOf).join('; ');
    this.#cluster?.start();
    await this.#startAutoscaler(config);
    return this.#startAdmin(config.admin);
  }

  async #startAutoscaler({ pools }: Config): Promise<void> {
    if (this.#isScaling || Object.values(pools).every(({ autoscale }) => autoscale === undefined)) return;
    this.#isScaling = true;
    // Loaded only by those who use it.
    const { Autoscaler } = await import('../autoscale/autoscaler.ts');
    this.#autoscaler = new Autoscaler({
      balancer: this.#runtime,
      clock: this.#ctx.env.clock,
      folder: dirname(this.#loaded.file),
      dryRun: this.#options.dryRun === true,
      holds: () => this.#cluster?.lease('autoscale').held ?? true,
      say: (level, text, fields) => this.#log[level](text, fields),
    });
    await this.#autoscaler.ready(INSTANCES_MS);
  }

  /** Before anything is probed: others may do it already. */
  async #joinCluster({ cluster: config }: Config): Promise<string | undefined> {
    if (config === undefined) return undefined;
    const file = resolve(this.#options.config);
    const joined = await joinCluster({
      config,
      file,
      folder: dirname(this.#loaded.file),
      env: this.#ctx.env,
      log: this.#log,
      balancer: this.#runtime,
      configurations: this.#configurations,
      version: version(),
    });
    if (!joined.ok) return joined.error;
    this.#cluster = joined.value;
    return undefined;
  }

  async #startAdmin(config: AdminConfig | undefined): Promise<string | undefined> {
    if (config === undefined) return undefined;
    const started = await startAdmin({
      config,
      folder: dirname(this.#loaded.file),
      balancer: this.#runtime,
      configurations: this.#configurations,
      cluster: this.#cluster,
      log: this.#log,
      now: this.#ctx.env.clock.epoch,
      given: socketsFor(this.#inherited, ADMIN_SOCKET, config.bind, 'tcp')[0],
      autoscale: () => this.#autoscaler?.reports() ?? [],
      busy: () => (this.#succession === undefined ? '' : 'a successor is taking over: ask it in a moment'),
      restart: () => this.#succeed('asked by the admin API'),
    });
    if (!started.ok) return started.error;
    this.#admin = started.value;
    return undefined;
  }

  async #configured(): Promise<void> {
    await this.#renewTokens();
    if (!this.#stopping) await this.#startAutoscaler(this.#runtime.config);
  }

  /** Tokens may be exchanged while it runs. */
  async #renewTokens(): Promise<void> {
    const { admin } = this.#runtime.config;
    if (admin === undefined || this.#admin === undefined) return;
    const tokens = await readTokens(admin, dirname(this.#loaded.file));
    const { bind } = this.#loaded.config.admin!;
    // The socket stays where it was until the next start, and others may reach it.
    if (tokens.ok && tokens.value.length === 0 && !isLoopback(bind.host))
      this.#log.error('admin keeps its tokens until the next start: others can reach it');
    else if (tokens.ok) this.#admin.setTokens(tokens.value);
    else this.#log.error(`the tokens of admin stay as they were: ${tokens.error}`);
  }

  #listenForSignals(): void {
    process.on('SIGHUP', () => void this.#reload('SIGHUP'));
    process.on('SIGUSR2', () => void this.#succeed('SIGUSR2'));
    process.on('SIGUSR1', () => void this.#runtime.reopenLogs());
    process.on('SIGTERM', () => void this.#stop('SIGTERM'));
    process.on('SIGINT', () => void this.#stop('SIGINT'));
  }

  async #reload(why: string): Promise<void> {
    if (this.#stopping || !this.#ready) return;
    const before = this.#runtime.config;
    const applied = await this.#configurations.reload(why);
    if (!applied.ok) {
      this.#log.error(`reload refused (${why}); the old configuration goes on serving`);
      this.#ctx.stderr.write(issuesText(this.#options.config, applied.error));
      return;
    }
    const fixed = unchangeable(before, this.#runtime.config);
    if (fixed !== undefined) this.#log.warn(`${fixed} takes effect at the next start only`);
    this.#log.info(`reloaded (${why})`, {
      version: applied.value.version,
      changes: formatPlan(applied.value.plan).split('\n'),
    });
  }

  /** Another process, of whatever version stands there now, takes over; this one finishes what runs. */
  async #succeed(why: string): Promise<Result<number, string>> {
    if (!this.#ready || this.#stopping) return err('not now: it is starting or stopping');
    if (this.#succession !== undefined) return err('a successor is being started already');
    this.#succession = new AbortController();
    this.#log.info(`${why}: starting a successor`);
    const started = await this.#startSuccessor(this.#succession.signal);
    if (started.ok) {
      this.#log.info(`process ${started.value} has taken over`);
      // Whoever asked by the API gets his answer first.
      setTimeout(() => void this.#stop('succeeded', true), ANSWER_MS);
      return started;
    }
    this.#succession = undefined;
    if (!this.#stopping) this.#log.error(`no successor: ${started.error}; this process goes on serving`);
    return started;
  }

  async #startSuccessor(signal: AbortSignal): Promise<Result<number, string>> {
    try {
      return await startSuccessor(await this.#runtime.estate(), this.#admin?.fd ?? -1, signal);
    } catch (error) {
      return err(error instanceof Error ? error.message : String(error));
    }
  }

  async #stop(signal: string, isSucceeded = false): Promise<void> {
    if (this.#stopping) {
      // The successor's word is no impatience: this one is stopping already.
      if (isSucceeded) return;
      this.#autoscaler?.kill();
      process.exit(130);
    }
    this.#stopping = true;
    this.#watch?.close();
    this.#log.info(`${signal}: draining; again to stop at once`);
    // The successor is the main process now, and answers for both.
    if (isSucceeded) {
      await this.#admin?.close();
      this.#runtime.release();
    } else {
      // Whoever stops this process does not want another one.
      this.#succession?.abort();
      this.#systemd.stopping();
    }
    this.#systemd.close();
    await this.#cluster?.stop();
    const report = await this.#runtime.stop();
    await this.#autoscaler?.close();
    if (!isSucceeded) await this.#admin?.close();
    const cut = report.cutRequests + report.cutStreams;
    const took = `${(report.tookMs / 1000).toFixed(1)} s`;
    if (cut === 0) this.#log.info(`stopped after ${took}; every request was finished`);
    else
      this.#log.warn(`stopped after ${took}; cut off ${report.cutRequests} requests and ${report.cutStreams} streams`);
    process.exit(cut === 0 ? 0 : 1);
  }
}

const ANSWER_MS = 100;
/** So long a start waits for the instances that there must be. */
const INSTANCES_MS = 15_000;

/** What a running process cannot change. */
function unchangeable(before: Config, after: Config): string | undefined {
  if (workerCount(before.workers) !== workerCount(after.workers)) return 'the number of workers';
  const fixed = ({ admin }: Config): string => JSON.stringify({ ...admin, tokens: [] });
  if (fixed(before) !== fixed(after)) return 'what "admin" says beside its tokens';
  if (JSON.stringify(before.cluster) !== JSON.stringify(after.cluster)) return 'what "cluster" says';
  return undefined;
}

const isLoopback = (host: string): boolean => /^(?:127\.|::1$|localhost$)/.test(host);
