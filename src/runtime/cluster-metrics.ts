// Owns what the metrics say of balancers that share what they find out.

import type { PrometheusText } from '../observe/prometheus.ts';
import type { ClusterStatus } from './facade.ts';

export function clusterMetrics(text: PrometheusText, { state, nodes, health, config, leases }: ClusterStatus): void {
  const one = (name: string, help: string, value: number): void => {
    text.family(name, 'gauge', help);
    text.sample(name, {}, value);
  };
  one('evenkeel_cluster_joined', 'This balancer shares with others; 0: it goes on alone.', state === 'joined' ? 1 : 0);
  one('evenkeel_cluster_nodes', 'Balancers that are there, this one included.', nodes.length);
  if (health !== undefined) {
    text.family(
      'evenkeel_cluster_targets',
      'gauge',
      'Targets with active checks, by who decides; probed ones are probed here.',
    );
    for (const [by, count] of Object.entries(health)) text.sample('evenkeel_cluster_targets', { by }, count);
  }
  one('evenkeel_cluster_config_version', 'Published configuration that was seen last; 0 for none.', config.version);
  text.family('evenkeel_cluster_config_answer', 'gauge', 'What became of it here.');
  text.sample('evenkeel_cluster_config_answer', { answer: config.state }, 1);
  text.family('evenkeel_cluster_lease_held', 'gauge', 'This balancer acts for all.');
  for (const { name, held } of leases) text.sample('evenkeel_cluster_lease_held', { lease: name }, held ? 1 : 0);
}
