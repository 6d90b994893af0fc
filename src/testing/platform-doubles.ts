// Owns TEST DOUBLES of platforms that Debian has no server of: they speak the documented HTTP APIs of the Docker Engine (v1.41),
// Kubernetes (discovery.k8s.io/v1) and Consul (v1), as far as discovery uses them. They are no proof that the real ones behave so.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiDouble {
  readonly server: Server;
  readonly port: number;
  /** Requests that came, as `METHOD path?query`. */
  readonly asked: string[];
  /** Answers everything with this status, and cuts what is open. */
  refuse(status: number | undefined): void;
  stop(): Promise<void>;
}

type Handler = (url: URL, request: IncomingMessage, response: ServerResponse) => void;

/** `listen`: a port or a socket's path. */
export async function apiDouble(handler: Handler, listen: number | string = 0): Promise<ApiDouble> {
  let refusal: number | undefined;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.on('error', () => undefined);
    if (refusal !== undefined) {
      response.statusCode = refusal;
      response.end('{}');
    } else handler(new URL(request.url!, 'http://double'), request, response);
  });
  await new Promise<void>((resolve) => {
    if (typeof listen === 'string') server.listen(listen, resolve);
    else server.listen(listen, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo | string;
  return {
    server,
    port: typeof address === 'string' ? 0 : address.port,
    asked,
    refuse(status) {
      refusal = status;
      if (status !== undefined) server.closeAllConnections();
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

export interface DoubleContainer {
  readonly name: string;
  readonly address: string;
  readonly ports?: readonly number[];
  readonly labels: Readonly<Record<string, string>>;
}

export class DockerDouble {
  containers: readonly DoubleContainer[] = [];
  api!: ApiDouble;
  readonly #listeners = new Set<ServerResponse>();

  static async start(socket: string): Promise<DockerDouble> {
    const double = new DockerDouble();
    double.api = await apiDouble((url, _request, response) => double.#answer(url, response), socket);
    return double;
  }

  set(containers: readonly DoubleContainer[]): void {
    this.containers = containers;
    for (const listener of this.#listeners) listener.write('{"Type":"container","Action":"start"}\n');
  }

  #answer(url: URL, response: ServerResponse): void {
    const filters = JSON.parse(url.searchParams.get('filters') ?? '{}') as Record<string, string[]>;
    if (url.pathname === '/events') {
      this.#listeners.add(response);
      response.on('close', () => this.#listeners.delete(response));
      response.writeHead(200);
      response.flushHeaders();
    } else if (url.pathname === '/containers/json') {
      const [name, value] = filters.label[0].split('=');
      const mine = this.containers.filter(
        ({ labels }) => labels[name] !== undefined && (!value || labels[name] === value),
      );
      json(response, mine.map(described));
    } else {
      response.statusCode = 404;
      response.end();
    }
  }
}

function described({ name, address, ports = [], labels }: DoubleContainer): object {
  return {
    Id: name.padEnd(64, '0'),
    Names: [`/${name}`],
    State: 'running',
    Labels: labels,
    Ports: ports.map((port) => ({ PrivatePort: port, Type: 'tcp' })),
    NetworkSettings: { Networks: { bridge: { IPAddress: address, GlobalIPv6Address: '' } } },
  };
}

export interface DoubleEndpoint {
  readonly address: string;
  readonly zone?: string;
  readonly conditions?: Readonly<Record<string, boolean>>;
}

/** One slice a name; versions grow by one. */
export class KubernetesDouble {
  api!: ApiDouble;
  token = '';
  /** Watches from before this version are told 410. */
  oldest = 0;
  readonly #slices = new Map<string, { readonly metadata: { readonly name: string; resourceVersion: string } }>();
  readonly #watchers = new Set<ServerResponse>();
  #version = 1;

  static async start(): Promise<KubernetesDouble> {
    const double = new KubernetesDouble();
    double.api = await apiDouble((url, request, response) => double.#answer(url, request, response));
    return double;
  }

  put(
    name: string,
    endpoints: readonly DoubleEndpoint[],
    ports: readonly object[] = [{ name: 'http', port: 80 }],
  ): void {
    const isNew = !this.#slices.has(name);
    const slice = {
      metadata: { name, resourceVersion: String(++this.#version) },
      addressType: 'IPv4',
      ports: ports.map((port) => ({ protocol: 'TCP', ...port })),
      endpoints: endpoints.map(({ address, ...rest }) => ({ addresses: [address], ...rest })),
    };
    this.#slices.set(name, slice);
    this.#tell(isNew ? 'ADDED' : 'MODIFIED', slice);
  }

  remove(name: string): void {
    const slice = this.#slices.get(name)!;
    this.#slices.delete(name);
    slice.metadata.resourceVersion = String(++this.#version);
    this.#tell('DELETED', slice);
  }

  /** Ends every watch, and forgets what was before. */
  compact(): void {
    this.oldest = ++this.#version;
    for (const watcher of this.#watchers) watcher.end();
  }

  /** Says in the stream that it is too old. */
  expire(): void {
    this.oldest = ++this.#version;
    this.#tell('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' });
  }

  #tell(type: string, object: object): void {
    for (const watcher of this.#watchers) watcher.write(`${JSON.stringify({ type, object })}\n`);
  }

  #answer(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const refuse = (status: number): void => {
      response.statusCode = status;
      response.end('{"kind":"Status"}');
    };
    if (this.token !== '' && request.headers.authorization !== `Bearer ${this.token}`) return refuse(401);
    if (!/^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/[a-z-]+\/endpointslices$/.test(url.pathname)) return refuse(404);
    if (!url.searchParams.get('labelSelector')?.startsWith('kubernetes.io/service-name=')) return refuse(400);
    if (url.searchParams.get('watch') !== '1') return this.#list(url, response);
    const from = Number(url.searchParams.get('resourceVersion'));
    if (from < this.oldest) return refuse(410);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    // What happened between the list and the watch.
    for (const slice of this.#slices.values())
      if (Number(slice.metadata.resourceVersion) > from)
        response.write(`${JSON.stringify({ type: 'ADDED', object: slice })}\n`);
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
  }

  /** In pages of two at most, as real ones have some limit. */
  #list(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('continue') ?? '0');
    const all = [...this.#slices.values()];
    const next = from + 2 < all.length ? { continue: String(from + 2) } : {};
    json(response, {
      kind: 'EndpointSliceList',
      metadata: { resourceVersion: String(this.#version), ...next },
      items: all.slice(from, from + 2),
    });
  }
}

export interface DoubleInstance {
  readonly address: string;
  readonly port: number;
  readonly weight?: number;
  readonly datacenter?: string;
  readonly tags?: readonly string[];
}

export class ConsulDouble {
  api!: ApiDouble;
  token = '';
  index = 7;
  #instances: readonly DoubleInstance[] = [];
  readonly #blocked = new Set<() => void>();

  static async start(): Promise<ConsulDouble> {
    const double = new ConsulDouble();
    double.api = await apiDouble((url, request, response) => double.#answer(url, request, response));
    return double;
  }

  set(instances: readonly DoubleInstance[], index = this.index + 1): void {
    this.#instances = instances;
    this.index = index;
    for (const go of this.#blocked) go();
  }

  #answer(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const refuse = (status: number): void => {
      response.statusCode = status;
      response.end();
    };
    if (this.token !== '' && request.headers['x-consul-token'] !== this.token) return refuse(403);
    if (!url.pathname.startsWith('/v1/health/service/') || url.searchParams.get('passing') !== '1') return refuse(404);
    const answer = (): void => {
      clearTimeout(timer);
      this.#blocked.delete(answer);
      const tags = url.searchParams.getAll('tag');
      const mine = this.#instances.filter((one) => tags.every((tag) => one.tags?.includes(tag)));
      json(response, mine.map(entry), { 'x-consul-index': String(this.index) });
    };
    let timer: NodeJS.Timeout | undefined;
    if (Number(url.searchParams.get('index') ?? 0) !== this.index) return answer();
    timer = setTimeout(answer, Number.parseInt(url.searchParams.get('wait') ?? '60s', 10) * 1000);
    this.#blocked.add(answer);
    response.on('close', () => {
      clearTimeout(timer);
      this.#blocked.delete(answer);
    });
  }
}

function entry({ address, port, weight = 1, datacenter = 'dc1', tags = [] }: DoubleInstance): object {
  return {
    Node: { Node: 'node', Address: '192.0.2.1', Datacenter: datacenter },
    Service: {
      ID: `web-${address}`,
      Address: address,
      Port: port,
      Tags: tags,
      Weights: { Passing: weight, Warning: 1 },
    },
    Checks: [],
  };
}
