// Owns what the kernel cannot do: every reason why a listener's packets would have to come up to a proxy. For `mode: nat`
// each is an issue of the configuration; for `mode: auto` the first is the note that says why it is a proxy.

import type { AnyBalancerKind } from '../../balancing/index.ts';
import { formatAddress } from '../../core/address.ts';
import { readIp } from '../../core/ip.ts';
import type { ConfigIssue, Path } from '../issues.ts';
import type { ListenerConfig, PoolConfig, TcpListenerConfig, UdpListenerConfig } from '../types.ts';

/** Kinds that need nothing but what the kernel knows of a connection's first packet. */
export const KERNEL_KINDS = ['round-robin', 'weighted-round-robin', 'random', 'source-hash', 'maglev'] as const;
export type KernelKind = (typeof KERNEL_KINDS)[number];

export function isKernelKind(kind: string): kind is KernelKind {
  return (KERNEL_KINDS as readonly string[]).includes(kind);
}

/** What a listener has when nothing is written; other values ask for what the kernel does not do. */
export const KERNEL_DEFAULTS = {
  limits: { connections: 100_000, connectionsPerClient: 0, connectionRate: 0, connectionRatePerClient: 0 },
  timeouts: { idleMs: 600_000, lifetimeMs: 0, helloMs: 5000 },
  flow: { key: 'address-and-port', idleMs: 60_000, responses: 0, max: 16_384 },
} as const;

type Pools = Readonly<Record<string, PoolConfig>>;
type Add = (path: Path, message: string, hint?: string) => void;

const PROXY = 'use mode: proxy';

/** Everything that stands in the way; empty when the kernel can forward the listener's packets. */
export function natObstacles(
  listener: ListenerConfig,
  pools: Pools,
  own: readonly AnyBalancerKind[] = [],
): ConfigIssue[] {
  const found: ConfigIssue[] = [];
  const add: Add = (path, message, hint = PROXY) => found.push({ path, message, hint });
  if (listener.protocol === 'http') return found;
  const at = ['listeners', listener.name];
  checkBind(listener, [...at, 'bind'], add);
  if (listener.proxyProtocol !== undefined)
    add([...at, 'proxyProtocol'], 'is read by a proxy; the kernel forwards packets unread');
  if (listener.protocol === 'tcp') checkTcp(listener, at, add);
  else
    checkDefaults(listener.flow, KERNEL_DEFAULTS.flow, [...at, 'flow'], 'conntrack decides how long a flow lives', add);
  const routes = listener.protocol === 'tcp' ? listener.routes.map((route) => route.pool) : [listener.pool];
  for (const name of new Set(routes)) if (pools[name] !== undefined) checkPool(listener, pools[name], own, add);
  return found;
}

const LOOPBACK = /^(?:127\.|::1$)/;

function checkBind({ bind }: ListenerConfig, path: Path, add: Add): void {
  const { host, port } = bind;
  if (!isLiteral(host)) add(path, `is "${host}": the kernel forwards to addresses, not names`, 'write the IP address');
  else if (LOOPBACK.test(host)) add(path, 'is a loopback address: the kernel forwards nothing that comes from there');
  if (port === 0) add(path, 'has port 0: any free port is something only a socket can get', 'name the port');
}

function isLiteral(host: string): boolean {
  return readIp(host, new Uint8Array(16)) !== 0;
}

function checkTcp({ routes, limits, timeouts }: TcpListenerConfig, at: Path, add: Add): void {
  const hello = 'a ClientHello comes after the connection is forwarded';
  routes.forEach((route, i) => {
    if (route.sni.length > 0) add([...at, 'routes', i, 'sni'], `cannot be known in time: ${hello}`);
    if (route.alpn.length > 0) add([...at, 'routes', i, 'alpn'], `cannot be known in time: ${hello}`);
  });
  checkDefaults(limits, KERNEL_DEFAULTS.limits, [...at, 'limits'], 'the kernel path counts no clients', add);
  checkDefaults(
    timeouts,
    KERNEL_DEFAULTS.timeouts,
    [...at, 'timeouts'],
    'conntrack decides how long a connection lives',
    add,
  );
}

/** Values that were written come from the configuration in ms, and their names there end without it. */
function checkDefaults<T extends object>(
  given: T,
  defaults: T | Readonly<Record<string, unknown>>,
  path: Path,
  why: string,
  add: Add,
): void {
  for (const [key, value] of Object.entries(given)) {
    if (value === (defaults as Record<string, unknown>)[key]) continue;
    add([...path, key.replace(/Ms$/, '')], `cannot be kept: ${why}`);
  }
}

function checkPool(
  listener: TcpListenerConfig | UdpListenerConfig,
  pool: PoolConfig,
  own: readonly AnyBalancerKind[],
  add: Add,
): void {
  const at = ['pools', pool.name];
  const { kind, key } = pool.balance;
  const where = `the listener "${listener.name}", which is in mode ${listener.mode}`;
  if (!isKernelKind(kind) || own.some(({ name }) => name === kind)) {
    const reason = own.some(({ name }) => name === kind)
      ? 'runs code of its own'
      : 'needs to know what the kernel does not tell';
    add(
      [...at, 'balance'],
      `is ${kind}, which ${reason}; it cannot serve ${where}`,
      `the kernel does ${KERNEL_KINDS.join(', ')}`,
    );
  } else if ((kind === 'source-hash' || kind === 'maglev') && key.from !== 'source')
    add([...at, 'balance', 'key'], `is not the client's address, and ${where} sees nothing else`, 'use source');
  if (pool.proxyProtocol !== undefined)
    add([...at, 'proxyProtocol'], `cannot be sent for ${where}: the kernel adds no bytes`);
  if (pool.breaker !== undefined)
    add([...at, 'breaker'], `cannot be kept for ${where}: the kernel tells nothing of failures`);
  if (pool.affinity !== undefined)
    add(
      [...at, 'affinity'],
      `cannot be kept for ${where}: the kernel has no such table`,
      'balance: maglev keeps clients where they are',
    );
  pool.endpoints.forEach((endpoint, i) => {
    const path = [...at, 'endpoints', i];
    checkEndpoint(listener, endpoint.address.host, formatAddress(endpoint.address), path, add);
    for (const limit of ['maxInFlight', 'maxRate'] as const)
      if (endpoint[limit] > 0) add(path, `has ${limit}, which cannot be kept for ${where}: nobody counts there`);
  });
}

function checkEndpoint({ name, bind }: ListenerConfig, host: string, address: string, path: Path, add: Add): void {
  const v6 = host.includes(':');
  if (!isLiteral(host))
    add(
      path,
      `is "${address}", but the listener "${name}" needs IP addresses: the kernel looks no names up`,
      'write the IP address',
    );
  else if (LOOPBACK.test(host))
    add(path, `is ${address}, a loopback address: the kernel forwards no packets from outside there`);
  else if (bind.host !== '::' && isLiteral(bind.host) && v6 !== bind.host.includes(':'))
    add(
      path,
      `is ${address}, but the listener "${name}" takes IPv${v6 ? 4 : 6}: the kernel does not turn one into the other`,
      v6 ? 'bind [::] or an IPv6 address, or use mode: proxy' : 'bind an IPv4 address or [::], or use mode: proxy',
    );
}
