// Owns the way back of `autoscale`: as somebody could have written it. Environments may hold secrets, so values are hidden.

import type { AutoscaleConfig, CpuSource, ProviderConfig } from './types.ts';
import { formatDuration } from './units.ts';
import { written } from './written-text.ts';

type Json = Record<string, unknown>;

export function autoscaleForm({ metric, target, source, provider, ...rest }: AutoscaleConfig): Json {
  const judged =
    metric === 'queue-time'
      ? { queueTime: formatDuration(target) }
      : { [metric === 'in-flight' ? 'inFlight' : metric]: target };
  return {
    ...judged,
    ...(source === undefined ? {} : { from: sourceForm(source) }),
    ...written(rest),
    [provider.kind]: providerForm(provider),
  };
}

function sourceForm(source: CpuSource): string {
  if (source.kind === 'agent') return `agent:${source.port}`;
  return source.kind === 'json' ? `json:${source.path}#${source.field}` : `prometheus:${source.path}`;
}

const hidden = (env: Readonly<Record<string, string>>): Json =>
  Object.fromEntries(Object.keys(env).map((name) => [name, 'hidden']));

function providerForm(provider: ProviderConfig): Json {
  switch (provider.kind) {
    case 'processes': {
      const { kind: _, env, ...rest } = provider;
      return { ...written(rest), env: hidden(env) };
    }
    case 'docker': {
      const { kind: _, env, api, ...rest } = provider;
      return { ...written(rest), env: hidden(env), server: api.url, ca: api.ca };
    }
    case 'kubernetes': {
      const { namespace, resource, api } = provider;
      const { url: server, ...access } = api ?? { url: undefined };
      return { resource: `${namespace}/${resource}`, ...(server === undefined ? {} : { server, ...access }) };
    }
    case 'exec': {
      const { kind: _, ...rest } = provider;
      return written(rest);
    }
  }
}
