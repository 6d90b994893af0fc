// Owns a small world for tests of session persistence: three endpoints that serve or do not, an application that sets a cookie of
// its own, visitors with a cookie jar, an address, a field and a parameter, and a clock that moves when told.

import { type AffinityKind, type HttpAffinity, Pin, type PinStore } from '../affinity/affinity.ts';
import { PinTable } from '../affinity/pin-table.ts';
import type { AffinityConfig } from '../config/types.ts';
import { KeyedTable } from '../core/keyed-table.ts';
import { sealOf } from '../http/seal.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import { type FakeClock, fakeClock } from './fake-clock.ts';
import { seededRandom } from './seeded-random.ts';

export const NAMES = ['p/10.0.0.1:80', 'p/10.0.0.2:80', 'p/10.0.0.3:80'] as const;

export function endpointsOf(ids: readonly string[]): readonly PoolEndpoint[] {
  const common = { weight: 1, tier: 0, zone: '', maxInFlight: 0, maxRate: 0 };
  return ids.map((id, slot) => ({ ...common, id, slot, address: { host: '10.0.0.1', port: 80 } }));
}

export function affinityConfig(kind: AffinityKind, over: Partial<AffinityConfig> = {}): AffinityConfig {
  const cookie = {
    domain: '',
    path: '/',
    httpOnly: true,
    secure: 'auto',
    sameSite: 'lax',
    persistent: true,
  } as const;
  const name = { source: '', header: 'x-user', query: 'sid', cookie: 'SERVER' }[kind.name as string] ?? 'sid';
  return {
    by: kind.name,
    name,
    ttlMs: 3_600_000,
    maxAgeMs: 0,
    onDown: 'repick',
    cookie: kind.takes.cookie ? cookie : undefined,
    secrets: kind.takes.secrets ? { keys: ['a key for tests, long enough'], keysFile: '' } : undefined,
    store: undefined,
    ...over,
  };
}

export interface WorldOptions {
  readonly config?: Partial<AffinityConfig>;
  readonly store?: PinStore;
  readonly clock?: FakeClock;
}

export class AffinityWorld {
  readonly clock: FakeClock;
  readonly kind: AffinityKind;
  /** By endpoint id. */
  readonly down = new Set<string>();
  readonly #options: WorldOptions;
  readonly #memory: ArrayBuffer;
  readonly #random = seededRandom(7);
  #ids: readonly string[] = NAMES;
  #turn = 0;
  /** One for each worker. */
  affinities!: readonly HttpAffinity[];

  constructor(kind: AffinityKind, options: WorldOptions = {}) {
    this.kind = kind;
    this.#options = options;
    this.clock = options.clock ?? fakeClock();
    this.#memory = new ArrayBuffer(KeyedTable.byteLength(SHAPE));
    this.reload(NAMES);
  }

  /** Another set of endpoints, in another order perhaps. */
  reload(ids: readonly string[], config: Partial<AffinityConfig> = {}): void {
    this.#ids = ids;
    const endpoints = endpointsOf(ids);
    const { clock } = this;
    const whole = affinityConfig(this.kind, { ...this.#options.config, ...config });
    this.affinities = [0, 1].map((worker) => {
      const table = new KeyedTable(this.#memory, SHAPE, worker);
      return this.kind.build({
        config: whole,
        poolSlot: 0,
        endpoints,
        clock,
        random: this.#random,
        table,
        pins: new PinTable(table, 0, whole, endpoints),
        serves: (slot) => this.serves(slot),
        seal: whole.secrets && sealOf(whole.secrets.keys, 'p', whole.name),
        store: this.#options.store,
        dateText: (ms) => new Date(ms).toUTCString(),
      });
    });
  }

  serves(slot: number): boolean {
    return this.#ids[slot] !== undefined && !this.down.has(this.#ids[slot]);
  }

  /** A pinned one that serves, or the next in turn. */
  pick(pin: Pin): string {
    if (pin.slot >= 0 && this.serves(pin.slot)) return this.#ids[pin.slot];
    for (;;) {
      const slot = this.#turn++ % this.#ids.length;
      if (this.serves(slot)) return this.#ids[slot];
    }
  }
}

const SHAPE = { entries: 4096, workers: 2 };

export interface Visit {
  readonly endpoint: string;
  /** Of the answer, as the client gets them. */
  readonly setCookies: readonly string[];
  /** What the application saw in Cookie. */
  readonly cookie: string | undefined;
  readonly pin: Pin;
}

export class Visitor {
  readonly jar = new Map<string, string>();
  readonly #world: AffinityWorld;
  readonly #name: string;
  readonly #pin = new Pin();

  constructor(world: AffinityWorld, name: string) {
    this.#world = world;
    this.#name = name;
  }

  /** `raw`: a value of Cookie in the place of the jar's. */
  visit({ worker = 0, raw, secure = false }: { worker?: number; raw?: string; secure?: boolean } = {}): Visit {
    const affinity = this.#world.affinities[worker];
    const jar = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const field = raw ?? (jar === '' ? undefined : jar);
    const fields: Readonly<Record<string, string | undefined>> = { cookie: field, 'x-user': this.#name };
    const pin = this.#pin;
    pin.reset();
    affinity.find({ client: this.#name, query: `a=1&sid=${this.#name}`, header: (name) => fields[name] }, pin);
    if (pin.asks) affinity.lookup!(pin, (found) => affinity.told!(pin, found));
    const endpoint = this.#world.pick(pin);
    affinity.chosen(pin, endpoint);
    const seen = field === undefined ? undefined : (affinity.cookieFor?.(field) ?? field);
    const answer = this.#application(seen);
    const setCookies = [...answer];
    affinity.answered?.(pin, endpoint, secure, () => answer, {
      append: (_name, value) => setCookies.push(value),
      takeOff: () => setCookies.splice(0),
    });
    for (const cookie of setCookies) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      if (raw === undefined) this.jar.set(name, value);
    }
    return { endpoint, setCookies, cookie: seen, pin: Object.assign(new Pin(), pin) };
  }

  /** Sets its session's cookie when it sees none. */
  #application(cookie: string | undefined): readonly string[] {
    return cookie?.includes('sid=') === true ? [] : ['theme=dark; Path=/', `sid=of-${this.#name}; Path=/; HttpOnly`];
  }
}
