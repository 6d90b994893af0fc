// What is published under deploy/ is what the programs that read it take.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { compile } from '../../src/config/compile.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));

interface Manifest {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: as Kubernetes has it
  readonly spec?: any;
}

test('the Kubernetes manifests fit together, and the configuration in them is good', () => {
  const manifests = parseAllDocuments(readFileSync(join(DEPLOY, 'kubernetes/evenkeel.yaml'), 'utf8')).map(
    (document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS() as Manifest;
    },
  );
  const of = (kind: string): Manifest => manifests.find((one) => one.kind === kind)!;
  for (const kind of ['Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget', 'Service', 'Role', 'RoleBinding'])
    assert.ok(of(kind) !== undefined, kind);
  const compiled = compile(parseAllDocuments(of('ConfigMap').data!['evenkeel.yaml'])[0].toJS());
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const { listeners, admin, drain } = compiled.value;
  const pod = of('Deployment').spec.template.spec;
  const ports = pod.containers[0].ports.map(({ containerPort }: { containerPort: number }) => containerPort);
  assert.deepEqual(ports, [listeners.web.bind.port, admin!.bind.port]);
  const slowest = Math.max(drain.requestsMs, drain.streamsMs) / 1000 + 5;
  assert.ok(pod.terminationGracePeriodSeconds > slowest, 'a pod is not killed while it drains');
  const { matchLabels } = of('PodDisruptionBudget').spec.selector;
  assert.deepEqual(matchLabels, of('Deployment').spec.template.metadata.labels);
});

test('BIRD takes the configuration', { skip: needs('bird') }, () => {
  const checked = spawnSync(findProgram('bird')!, ['-p', '-c', join(DEPLOY, 'bgp/bird.conf')], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
});

test('units name each other, and signals that the balancer knows', () => {
  const service = readFileSync(join(DEPLOY, 'systemd/evenkeel.service'), 'utf8');
  assert.match(service, /^Type=notify$/m);
  assert.match(service, /^NotifyAccess=all$/m);
  assert.match(service, /^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
  const bound = readFileSync(join(DEPLOY, 'keepalived/keepalived.service.d/evenkeel.conf'), 'utf8');
  assert.match(bound, /^BindsTo=evenkeel\.service$/m);
});
