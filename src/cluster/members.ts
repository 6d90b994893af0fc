// Owns which balancers are there: each writes itself down every two seconds, by the clock of the Redis, and is gone when it has not
// for six. Names must differ; two that share one are told.

import type { ClusterNode, ConfigAnswer, PublishedState } from '../runtime/facade.ts';
import { type Board, fieldsOf, tame } from './board.ts';

export const BEAT_MS = 2000;
const TTL_MS = 6000;
const MOST_NODES = 1000;

/** What a balancer says of itself. */
export interface Self {
  readonly instance: string;
  readonly version: string;
  readonly host: string;
  readonly startedAt: number;
  readonly etag: string;
  readonly config: ConfigAnswer;
  /** Of its verdicts, of its challenges and certificates, of its measurements: who sees a new number reads them. */
  readonly revs: Readonly<Record<string, number>>;
}

export interface Member extends ClusterNode {
  readonly instance: string;
  readonly revs: Readonly<Record<string, number>>;
}

export interface Beat {
  /** It did not know us: it is new, or it lost what it had. */
  readonly isNew: boolean;
  readonly members: readonly Member[];
  /** The instance that wrote our name last; '' for none. */
  readonly before: string;
  readonly configVersion: number;
}

/** Keys: times, what they say, published configuration, verdicts, measurements. Arguments: name, what it says, TTL. */
const BEAT = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local before = redis.call('HGET', KEYS[2], ARGV[1]) or ''
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now))) do
  redis.call('ZREM', KEYS[1], gone)
  for i = 2, #KEYS do if i ~= 3 then redis.call('HDEL', KEYS[i], gone) end end
end
return {before, redis.call('HGETALL', KEYS[2]), redis.call('HGET', KEYS[3], 'version') or '0'}`;

/** Keys as above, without the configuration. Arguments: name, what it said last. A successor of the same name has said something else. */
const LEAVE = `
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
for i = 2, #KEYS do redis.call('HDEL', KEYS[i], ARGV[1]) end
return 1`;

export class Members {
  readonly #board: Board;
  readonly #name: string;
  #said = '';

  constructor(board: Board, name: string) {
    this.#board = board;
    this.#name = name;
  }

  /** Undefined: nobody answered. */
  async beat(self: Self): Promise<Beat | undefined> {
    const keys = ['nodes', 'said', 'config', 'verdicts', 'latency', 'challenges'].map((name) => this.#board.key(name));
    const said = this.#board.seal.pack('said', self);
    this.#said = said;
    const reply = await this.#board.ask('EVAL', BEAT, `${keys.length}`, ...keys, this.#name, said, `${TTL_MS}`);
    if (!Array.isArray(reply)) return undefined;
    const [before, pairs, version] = reply as [unknown, unknown, unknown];
    const list = Array.isArray(pairs) ? (pairs as unknown[]) : [];
    const members: Member[] = [];
    for (let i = 0; i + 1 < list.length && members.length < MOST_NODES; i += 2) {
      const member = this.#member(tame(list[i], 63), String(list[i + 1]));
      if (member !== undefined) members.push(member);
    }
    const known = fieldsOf(this.#board.seal.unpack('said', String(before)));
    return {
      isNew: before === '',
      before: typeof known?.instance === 'string' ? known.instance : '',
      members: members.sort((a, b) => (a.name < b.name ? -1 : 1)),
      configVersion: Number(version) || 0,
    };
  }

  async leave(): Promise<void> {
    const keys = ['nodes', 'said', 'verdicts', 'latency', 'challenges'].map((name) => this.#board.key(name));
    const left = await this.#board.ask('EVAL', LEAVE, `${keys.length}`, ...keys, this.#name, this.#said);
    if (left === 1) await this.#board.tell('left', this.#name, {});
  }

  #member(name: string, text: string): Member | undefined {
    const said = fieldsOf(this.#board.seal.unpack('said', text));
    if (said === undefined) return undefined;
    return {
      name,
      self: name === this.#name,
      instance: tame(said.instance, 64),
      version: tame(said.version, 64),
      host: tame(said.host, 255),
      startedAt: Number(said.startedAt) || 0,
      etag: tame(said.etag, 64),
      config: answerOf(said.config),
      revs: revsOf(said.revs),
    };
  }
}

const STATES: readonly PublishedState[] = ['none', 'pending', 'applied', 'refused', 'differs'];

function answerOf(value: unknown): ConfigAnswer {
  const { version, state, issues } = fieldsOf(value) ?? {};
  return {
    version: Number(version) || 0,
    state: STATES.find((one) => one === state) ?? 'none',
    issues: Array.isArray(issues) ? issues.slice(0, 20).map((issue) => tame(issue)) : [],
  };
}

function revsOf(value: unknown): Readonly<Record<string, number>> {
  const pairs = Object.entries(fieldsOf(value) ?? {}).slice(0, 8);
  return Object.fromEntries(pairs.map(([name, rev]) => [name, Number(rev) || 0]));
}
