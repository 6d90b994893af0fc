// Owns endpoints from containers with a label. Docker tells when something happens; then, and now and then anyway, the list is
// read anew, because events alone lose what happened while nobody listened.

import type { DockerDiscover } from '../config/types.ts';
import { ok, type Result } from '../core/result.ts';
import type { ApiLines } from '../platforms/api-lines.ts';
import { Docker, type DockerContainer } from '../platforms/docker.ts';
import { placed } from './api-of.ts';
import type { DiscoveryKind, Look, Source, SourceTools } from './discovery.ts';
import { Registrations } from './entries.ts';

export const docker: DiscoveryKind<DockerDiscover> = {
  name: 'docker',
  build: (config, tools) => new DockerSource(config, tools),
};

/** Labels of a container that say what it is as an endpoint. */
const SETTINGS = ['weight', 'tier', 'zone', 'maxInFlight', 'maxRate'] as const;

class DockerSource implements Source {
  readonly #config: DockerDiscover;
  readonly #tools: SourceTools;
  readonly #docker: Docker;
  #events: ApiLines | undefined;

  constructor(config: DockerDiscover, tools: SourceTools) {
    this.#config = config;
    this.#tools = tools;
    const { url, ca } = placed(config.api, tools.folder);
    this.#docker = new Docker({ url, ca, clock: tools.env.clock, timeoutMs: config.timeoutMs });
  }

  async look(signal: AbortSignal): Promise<Result<Look, string>> {
    const { intervalMs: againMs, defaults, label } = this.#config;
    // Before the list, so that nothing happens in between.
    await this.#listen(signal);
    const containers = await this.#docker.running(label, signal);
    if (!containers.ok) return containers;
    const registered = new Registrations(defaults);
    for (const container of containers.value) this.#register(container, registered);
    return ok({ endpoints: registered.endpoints, note: registered.note, againMs });
  }

  close(): void {
    this.#events?.close();
  }

  #register(container: DockerContainer, registered: Registrations): void {
    const { Labels: labels = {}, Names: [name = container.Id.slice(0, 12)] = [] } = container;
    const host = addressOf(container, this.#config.network);
    if (host === undefined)
      return registered.leave(name, 'has no address of its own, or several networks: say which by "network"');
    const port = labels['evenkeel.port'] ?? this.#portOf(container);
    if (port === undefined)
      return registered.leave(name, 'has no port, or several: say which by the label evenkeel.port');
    const given = SETTINGS.map((key) => [key, labels[`evenkeel.${key}`]] as const);
    const settings = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    registered.entry(name, { address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, ...settings });
  }

  #portOf({ Ports: ports = [] }: DockerContainer): number | undefined {
    if (this.#config.port > 0) return this.#config.port;
    const distinct = new Set(ports.map(({ PrivatePort }) => PrivatePort));
    return distinct.size === 1 ? ports[0].PrivatePort : undefined;
  }

  /** Without events the interval remains. */
  async #listen(signal: AbortSignal): Promise<void> {
    if (this.#events !== undefined) return;
    const opened = await this.#docker.events(signal);
    if (!opened.ok) return;
    if (signal.aborted) return opened.value.close();
    this.#events = opened.value;
    void this.#follow(opened.value);
  }

  async #follow(events: ApiLines): Promise<void> {
    for (;;) {
      const lines = await events.next();
      this.#tools.wake();
      if (lines.ok && lines.value.length > 0) continue;
      events.close();
      this.#events = undefined;
      return;
    }
  }
}

function addressOf({ NetworkSettings: settings }: DockerContainer, network: string): string | undefined {
  const networks = Object.entries(settings?.Networks ?? {});
  const mine = network === '' ? networks : networks.filter(([name]) => name === network);
  if (mine.length !== 1) return undefined;
  const [[, { IPAddress: v4 = '', GlobalIPv6Address: v6 = '' }]] = mine;
  return v4 !== '' ? v4 : v6 !== '' ? v6 : undefined;
}
