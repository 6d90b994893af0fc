// Owns what the kernel is told: the chains, maps and counters of one nftables table, compiled from services and from what
// may be picked of their pools right now. Pure: the text for `nft` is made in `script.ts`, and nothing is run here.
//
//   prerouting, output ─▶ on/LISTENER ─▶ pick/LISTENER/POOL/FAMILY ─(map: entry → endpoint)─▶ to/LISTENER/POOL/HOST/PORT
//   postrouting ─▶ snat/PROTOCOL/PORT: masquerade, where the backends are to see our address
//   count-sent, count-received ─▶ bytes of every packet that was forwarded, by endpoint

import type { Endpoint, EndpointId } from '../core/endpoint.ts';
import { entriesFor, layOut, selectorOf } from './layout.ts';
import { nameOf } from './names.ts';
import {
  type Family,
  familiesOf,
  familyOf,
  isEveryAddress,
  type NatPool,
  type NatService,
  type Pickable,
} from './service.ts';

export interface Ruleset {
  readonly counters: ReadonlyMap<string, CounterMeaning>;
  readonly maps: ReadonlyMap<string, NftMap>;
  readonly chains: ReadonlyMap<string, NftChain>;
}

/** What a kernel counter counts, for the metrics. */
export interface CounterMeaning {
  /** `new`: connections; `sent` and `received`: packets and bytes to and from the endpoint. */
  readonly what: 'accepted' | 'new' | 'sent' | 'received';
  readonly listener: string;
  readonly protocol: 'tcp' | 'udp';
  readonly pool: string;
  /** '' for `accepted`. */
  readonly endpoint: EndpointId;
}

export interface NftMap {
  readonly sort: 'map' | 'set';
  readonly type: string;
  /** Values of a set are ''. */
  readonly elements: ReadonlyMap<string, string>;
  /** What the elements were made of, where making them takes long; '' elsewhere. */
  readonly source: string;
}

export interface NftChain {
  /** '' for a chain that others go to. */
  readonly hook: string;
  readonly rules: readonly string[];
}

/** Without a seed of its own every load would hash differently. */
const SEED = '0x65766b6c';

const IP = { 4: 'ip', 6: 'ip6' } as const;
const LOCAL_ONLY = { 4: 'ip daddr != 127.0.0.0/8', 6: 'ip6 daddr != ::1' } as const;

/** Maps of `previous` are taken over where nothing changed: large ones take milliseconds. */
export function compileRuleset(services: readonly NatService[], pickable: Pickable, previous?: Ruleset): Ruleset {
  const parts = new Parts(previous);
  // As with sockets, who binds one address comes before who binds them all.
  const ordered = [...services].sort(
    (a, b) => Number(isEveryAddress(a.bind.host)) - Number(isEveryAddress(b.bind.host)),
  );
  for (const service of ordered) addService(parts, service, pickable);
  addHooks(parts, ordered);
  return parts;
}

/** The same, but nothing new gets in: what is established is still translated and counted. */
export function withoutEntries({ counters, maps, chains }: Ruleset): Ruleset {
  const closed = [...chains].map(
    ([name, chain]) => [name, ENTRIES.includes(name) ? { ...chain, rules: [] } : chain] as const,
  );
  return { counters, maps, chains: new Map(closed) };
}

const ENTRIES = ['prerouting', 'output'];

class Parts implements Ruleset {
  readonly counters = new Map<string, CounterMeaning>();
  readonly maps = new Map<string, NftMap>();
  readonly chains = new Map<string, NftChain>();
  readonly previous: Ruleset | undefined;

  constructor(previous: Ruleset | undefined) {
    this.previous = previous;
  }

  map(name: string, sort: NftMap['sort'], type: string, elements: ReadonlyMap<string, string>, source = ''): void {
    this.maps.set(name, { sort, type, elements, source });
  }

  chain(name: string, rules: readonly string[], hook = ''): void {
    this.chains.set(name, { hook, rules });
  }
}

function addService(parts: Parts, service: NatService, pickable: Pickable): void {
  const { name, protocol } = service;
  const pools = [...new Map(service.routes.map(({ pool }) => [pool.name, pool])).values()];
  parts.counters.set(nameOf('accepted', name), { what: 'accepted', listener: name, protocol, pool: '', endpoint: '' });
  const families = familiesOf(service.bind);
  for (const pool of pools) {
    for (const endpoint of pool.endpoints) addEndpoint(parts, service, pool, endpoint);
    const now = pickable(pool.name);
    for (const family of families) addPick(parts, service, pool, now, family);
  }
  const rules = service.routes.flatMap(({ client, pool }) =>
    families.flatMap((family) => {
      const networks = client.filter((cidr) => familyOf(cidr) === family);
      if (client.length > 0 && networks.length === 0) return [];
      const who = client.length === 0 ? nfproto(family) : `${IP[family]} saddr { ${networks.join(', ')} }`;
      return [`${who} goto ${nameOf('pick', name, pool.name, family)}`];
    }),
  );
  parts.chain(nameOf('on', name), [...rules, refuse(protocol)]);
  addMembers(parts, service, pools, families);
}

function nfproto(family: Family): string {
  return `meta nfproto ipv${family}`;
}

/** At once, and never something else on this host that happens to use the port. */
function refuse(protocol: NatService['protocol']): string {
  return protocol === 'tcp' ? 'meta l4proto tcp reject with tcp reset' : 'reject with icmpx port-unreachable';
}

const endpointName = (what: string, service: NatService, pool: NatPool, { address }: Endpoint): string =>
  nameOf(what, service.name, pool.name, address.host, address.port);

/** The chain that a map's entry leads to. NAT chains see the first packet of a connection only: it counts connections. */
function addEndpoint(parts: Parts, service: NatService, pool: NatPool, endpoint: Endpoint): void {
  const { protocol, name } = service;
  const { host, port } = endpoint.address;
  for (const what of ['new', 'sent', 'received'] as const) {
    const meaning = { what, listener: name, protocol, pool: pool.name, endpoint: endpoint.id };
    parts.counters.set(endpointName(what, service, pool, endpoint), meaning);
  }
  const to = familyOf(host) === 6 ? `ip6 to [${host}]:${port}` : `ip to ${host}:${port}`;
  const counted = `counter name "${endpointName('new', service, pool, endpoint)}"`;
  parts.chain(endpointName('to', service, pool, endpoint), [`meta l4proto ${protocol} ${counted} dnat ${to}`]);
}

function addPick(parts: Parts, service: NatService, pool: NatPool, now: readonly Endpoint[], family: Family): void {
  const name = nameOf('pick', service.name, pool.name, family);
  const ofFamily = (list: readonly Endpoint[]) => list.filter(({ address }) => familyOf(address.host) === family);
  const entries = entriesFor(pool.balance.kind, ofFamily(pool.endpoints));
  const usable = ofFamily(now);
  const source = JSON.stringify([pool.balance, entries, usable.map(({ id, weight }) => [id, weight])]);
  const before = parts.previous?.maps.get(name);
  const elements = before?.source === source ? before.elements : elementsOf(service, pool, usable, entries);
  // The type of what `numgen` and `jhash` give has no name; this is how a map of it is declared.
  parts.map(name, 'map', 'typeof numgen inc mod 2 : verdict', elements, source);
  parts.chain(name, [`${selection(pool, family, entries)} vmap @${name}`, refuse(service.protocol)]);
}

function elementsOf(service: NatService, pool: NatPool, usable: readonly Endpoint[], entries: number) {
  const owners = layOut(pool.balance, usable, entries);
  const chainOf = new Map(
    usable.map((endpoint) => [endpoint.id, `goto ${endpointName('to', service, pool, endpoint)}`]),
  );
  return new Map(owners.map((endpoint, i) => [String(i), chainOf.get(endpoint.id)!]));
}

function selection({ balance }: NatPool, family: Family, entries: number): string {
  switch (selectorOf(balance.kind)) {
    case 'rotation':
      return `numgen inc mod ${entries}`;
    case 'chance':
      return `numgen random mod ${entries}`;
    case 'source':
      return `jhash ${IP[family]} saddr mod ${entries} seed ${SEED}`;
  }
}

/** Whose packets are counted, and whose connections get our address. An address of two routes counts for the first. */
function addMembers(parts: Parts, service: NatService, pools: readonly NatPool[], families: readonly Family[]): void {
  for (const family of families) {
    const type = `ipv${family}_addr . inet_service`;
    const maps = {
      sent: new Map<string, string>(),
      received: new Map<string, string>(),
      snat: new Map<string, string>(),
    };
    for (const pool of pools) {
      for (const endpoint of pool.endpoints) {
        const { host, port } = endpoint.address;
        const key = `${host} . ${port}`;
        if (familyOf(host) !== family || maps.sent.has(key)) continue;
        for (const what of ['sent', 'received'] as const)
          maps[what].set(key, `"${endpointName(what, service, pool, endpoint)}"`);
        maps.snat.set(key, '');
      }
    }
    for (const what of ['sent', 'received'] as const)
      parts.map(nameOf(what, service.name, family), 'map', `type ${type} : counter`, maps[what]);
    if (service.masquerade) parts.map(nameOf('snat', service.name, family), 'set', `type ${type}`, maps.snat);
  }
}

function addHooks(parts: Parts, services: readonly NatService[]): void {
  const enter = (local: boolean) => services.flatMap((service) => entries(service, local));
  parts.chain('prerouting', enter(false), 'type nat hook prerouting priority dstnat; policy accept;');
  parts.chain('output', enter(true), 'type nat hook output priority -100; policy accept;');
  const perPort = (what: 'sent' | 'received' | 'snat', match: string): string[] =>
    (['tcp', 'udp'] as const).flatMap((protocol) => byPort(parts, services, what, protocol, match));
  const masquerading = perPort('snat', 'ct status dnat');
  parts.chain('postrouting', masquerading, 'type nat hook postrouting priority srcnat; policy accept;');
  // Between conntrack and the translation of addresses, where both directions show the endpoint's own.
  const sent = perPort('sent', 'ct status dnat ct direction original');
  parts.chain('count-sent', sent, 'type filter hook postrouting priority mangle; policy accept;');
  const received = perPort('received', 'ct status dnat ct direction reply');
  parts.chain('count-received', received, 'type filter hook prerouting priority mangle; policy accept;');
}

/** What belongs to a service among packets that arrive here, or (`local`) that this host itself sends. */
function entries({ name, protocol, bind }: NatService, local: boolean): string[] {
  // Conntrack may take up a connection in the middle, such as one that a proxy here still serves: it is not to be moved.
  const first = protocol === 'tcp' ? 'tcp flags & (fin | syn | rst | ack) == syn ' : '';
  const rest = `${protocol} dport ${bind.port} ${first}counter name "${nameOf('accepted', name)}" goto ${nameOf('on', name)}`;
  if (!isEveryAddress(bind.host)) return [`${IP[familyOf(bind.host)]} daddr ${bind.host} ${rest}`];
  // What 127.0.0.1 sends cannot leave the host, so it is left to whoever listens there.
  if (local) return familiesOf(bind).map((family) => `${LOCAL_ONLY[family]} fib daddr type local ${rest}`);
  return [bind.host === '::' ? `fib daddr type local ${rest}` : `${nfproto(4)} fib daddr type local ${rest}`];
}

const RULES = {
  sent: (family: Family, map: string) => `counter name ${IP[family]} daddr . th dport map @${map} return`,
  received: (family: Family, map: string) => `counter name ${IP[family]} saddr . th sport map @${map} return`,
  snat: (family: Family, map: string) => `${IP[family]} daddr . th dport @${map} masquerade`,
} as const;

/** One lookup by the port that the client asked for, however many listeners there are. */
function byPort(
  parts: Parts,
  services: readonly NatService[],
  what: keyof typeof RULES,
  protocol: NatService['protocol'],
  match: string,
): string[] {
  const ports = new Map<number, string[]>();
  for (const service of services) {
    if (service.protocol !== protocol || (what === 'snat' && !service.masquerade)) continue;
    const { host, port } = service.bind;
    const asked = isEveryAddress(host) ? '' : `ct original ${IP[familyOf(host)]} daddr ${host} `;
    const rules = familiesOf(service.bind).map(
      (family) => asked + RULES[what](family, nameOf(what, service.name, family)),
    );
    ports.set(port, [...(ports.get(port) ?? []), ...rules]);
  }
  if (ports.size === 0) return [];
  for (const [port, rules] of ports) parts.chain(nameOf(what, protocol, port), rules);
  const verdicts = [...ports.keys()].map((port) => `${port} : goto ${nameOf(what, protocol, port)}`);
  return [`${match} meta l4proto ${protocol} ct original proto-dst vmap { ${verdicts.join(', ')} }`];
}
