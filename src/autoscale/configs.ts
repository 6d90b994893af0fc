// Owns names for the parts of the configuration that this slice goes by.

import type { AutoscaleConfig } from '../runtime/facade.ts';

export type { AutoscaleConfig };

type ProviderConfig = AutoscaleConfig['provider'];
export type ProcessesConfig = Extract<ProviderConfig, { kind: 'processes' }>;
export type DockerConfig = Extract<ProviderConfig, { kind: 'docker' }>;
export type KubernetesConfig = Extract<ProviderConfig, { kind: 'kubernetes' }>;
export type ExecConfig = Extract<ProviderConfig, { kind: 'exec' }>;
export type CpuSource = NonNullable<AutoscaleConfig['source']>;
