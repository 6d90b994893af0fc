// Owns configurations that are published once for all balancers: each reads, checks and applies them as if they had been proposed to it
// alone, or refuses and says why. Nothing is ever applied that a balancer's own check refuses. They hold secrets, so they are shared
// only among those who share one.

import { err, ok, type Result } from '../core/result.ts';
import type { ConfigAnswer, Configurations, Publication, PublishedConfig, PublishRefusal } from '../runtime/facade.ts';
import { NO_ANSWER } from '../store/redis.ts';
import { type Board, fieldsOf, tame } from './board.ts';

export interface SharedConfigOptions {
  readonly board: Board;
  readonly name: string;
  /** Undefined: this balancer has no file. */
  readonly configurations: Configurations | undefined;
  /** When our own file was written, wall-clock ms: what was published before is older. */
  readonly fileTime: number;
  readonly isShared: boolean;
  readonly onAnswer: () => void;
  readonly say: (problem: boolean, text: string) => void;
}

/** Keys: the hash. Arguments: the version it must have, the new one, what it says. */
const PUBLISH = `
local has = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if has ~= tonumber(ARGV[1]) then return {0, has} end
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'said', ARGV[3], 'at', string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)))
return {1, tonumber(ARGV[2])}`;

/** Arguments: version, what it says, when. Only over what is older. */
const RESTORE = `
if tonumber(redis.call('HGET', KEYS[1], 'version') or '0') >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'said', ARGV[2], 'at', ARGV[3])
return 1`;

export const NO_SECRET =
  'configurations are not shared: they hold secrets, and "cluster" has no "secret" to seal them with';
const MOST_ISSUES = 20;
const NONE: PublishedConfig = { version: 0, state: 'none', issues: [], at: 0, author: '', note: '' };

export class SharedConfig {
  readonly #options: SharedConfigOptions;
  #seen = NONE;
  /** As it lies in the Redis, to put it back where that lost it. */
  #packed = '';
  /** Of what was applied. */
  #etag = '';
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SharedConfigOptions) {
    this.#options = options;
    options.board.on('config', (_node, { version }) => void this.look(Number(version)));
  }

  get answer(): ConfigAnswer {
    const { version, issues } = this.#seen;
    return { version, issues, state: this.#state };
  }

  get published(): PublishedConfig {
    return { ...this.#seen, state: this.#state };
  }

  get etag(): string {
    return this.#options.configurations?.versions()[0]?.etag ?? '';
  }

  get #state(): PublishedConfig['state'] {
    const { state } = this.#seen;
    return state === 'applied' && this.etag !== this.#etag ? 'differs' : state;
  }

  /** There is this one now. */
  look(version: number): Promise<void> {
    const next = this.#turn.then(() => this.#look(version));
    this.#turn = next.catch(() => undefined);
    return next;
  }

  async #look(version: number): Promise<void> {
    const { board, isShared } = this.#options;
    if (!isShared) return;
    if (version < this.#seen.version) return this.#restore();
    if (version === this.#seen.version) return;
    const reply = await board.ask('HMGET', board.key('config'), 'version', 'said', 'at');
    if (!Array.isArray(reply)) return;
    const [current, packed, at] = (reply as unknown[]).map((one) => String(one));
    await this.#take(Number(current), packed, Number(at));
  }

  async #take(version: number, packed: string, at: number): Promise<void> {
    const { board, configurations, fileTime, onAnswer, say } = this.#options;
    const isFirst = this.#seen.version === 0;
    const said = fieldsOf(board.seal.unpack('config', packed));
    const [author, note] = [tame(said?.author, 64), tame(said?.note)];
    const seen = { version, at, author, note, issues: [] as readonly string[] };
    this.#packed = packed;
    if (
      said === undefined ||
      said.version !== version ||
      typeof said.text !== 'string' ||
      configurations === undefined
    ) {
      const why =
        configurations === undefined
          ? 'there is no file here that it could replace'
          : 'it is sealed with another secret';
      this.#seen = { ...seen, state: 'refused', issues: [why] };
    } else if (isFirst && at <= fileTime) {
      say(false, `the file is newer than the published configuration ${version}, and stays in effect`);
      this.#seen = { ...seen, state: 'differs' };
    } else {
      this.#seen = { ...seen, state: 'pending' };
      onAnswer();
      const issues = await this.#apply(configurations, said.text, `published by ${author}: ${note}`);
      this.#seen = { ...seen, state: issues.length === 0 ? 'applied' : 'refused', issues };
      this.#etag = this.etag;
    }
    const { state, issues } = this.#seen;
    if (state === 'applied') say(false, `the published configuration ${version} of ${author} is in effect`);
    if (state === 'refused')
      say(true, `the published configuration ${version} of ${author} is refused: ${issues.join('; ')}`);
    onAnswer();
  }

  async #apply(configurations: Configurations, text: string, note: string): Promise<readonly string[]> {
    // Somebody may propose another one meanwhile; then it is published over that.
    for (let tries = 0; tries < 3; tries++) {
      const done = await configurations.propose(text, { ifMatch: this.etag, save: false, note });
      if (done.ok || done.error.kind === 'unsaved') return [];
      if (done.error.kind === 'issues')
        return done.error.issues
          .slice(0, MOST_ISSUES)
          .map(({ path, message }) => tame(`${path.join('.')} ${message}`.trim()));
    }
    return ['it is changed by somebody else all the time'];
  }

  /** A Redis that lost it gets it back. */
  async #restore(): Promise<void> {
    const { board } = this.#options;
    const { version, at } = this.#seen;
    await board.ask('EVAL', RESTORE, '1', board.key('config'), `${version}`, this.#packed, `${at}`);
  }

  async publish(text: string, { expected, author, note }: Publication): Promise<Result<number, PublishRefusal>> {
    const { board, configurations, isShared, name } = this.#options;
    const unable = (reason: string) => err({ kind: 'unable' as const, reason });
    if (!isShared) return unable(board.seal.isSecret ? '"cluster.config" is off' : NO_SECRET);
    if (configurations === undefined) return unable('this balancer has no file that could be replaced');
    const planned = configurations.plan(text);
    if (!planned.ok) return err({ kind: 'issues', issues: planned.error });
    const version = expected + 1;
    const packed = board.seal.pack('config', { version, text, author, note });
    const reply = await board.ask('EVAL', PUBLISH, '1', board.key('config'), `${expected}`, `${version}`, packed);
    if (reply === NO_ANSWER || !Array.isArray(reply)) return unable('the Redis does not answer');
    const [done, has] = (reply as unknown[]).map(Number);
    if (done !== 1) return err({ kind: 'conflict', version: has });
    void board.tell('config', name, { version });
    void this.look(version);
    return ok(version);
  }
}
