// Owns the normalized form of autoscaling a pool: what it is judged by, within which bounds, and who starts and stops instances.

import type { ApiConfig } from './discovery.ts';

export interface AutoscaleConfig {
  /** Of one instance: a share of its CPU, requests in flight, requests a second, or ms that a request waits for one. */
  readonly metric: 'cpu' | 'in-flight' | 'requests' | 'queue-time';
  readonly target: number;
  /** Where the CPU is told; undefined for metrics that the balancer knows itself. */
  readonly source: CpuSource | undefined;
  readonly min: number;
  readonly max: number;
  readonly periodMs: number;
  readonly toleranceOut: number;
  readonly toleranceIn: number;
  readonly maxStepOut: number;
  readonly maxStepIn: number;
  readonly cooldownOutMs: number;
  readonly cooldownInMs: number;
  readonly warmUpMs: number;
  readonly stabilisationMs: number;
  /** What runs on an instance that leaves has so long. */
  readonly drainMs: number;
  /** Decides, and does nothing. */
  readonly dryRun: boolean;
  readonly provider: ProviderConfig;
}

export type CpuSource =
  /** A TCP port of each instance that says a line, as HAProxy's agent-check has it, with `cpu=63%`. */
  | { readonly kind: 'agent'; readonly port: number }
  /** A path of each instance whose JSON has the CPU, 0-1 or `63%`, in a field. */
  | { readonly kind: 'json'; readonly path: string; readonly field: string }
  /** A path of each instance with Prometheus text. */
  | { readonly kind: 'prometheus'; readonly path: string };

export type ProviderConfig =
  | {
      readonly kind: 'processes';
      /** `${port}` in it is the port that this copy is to listen on; so is PORT of its environment. */
      readonly command: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly folder: string;
      /** Between SIGTERM and SIGKILL. */
      readonly stopMs: number;
    }
  | {
      readonly kind: 'docker';
      readonly image: string;
      readonly command: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly port: number;
      readonly network: string;
      readonly stopMs: number;
      readonly api: Pick<ApiConfig, 'url' | 'ca'>;
    }
  | {
      readonly kind: 'kubernetes';
      readonly namespace: string;
      /** `deployments/web`, `statefulsets/db`. */
      readonly resource: string;
      /** Undefined: the cluster that this is a pod of. */
      readonly api: ApiConfig | undefined;
    }
  | { readonly kind: 'exec'; readonly command: readonly string[]; readonly timeoutMs: number };
