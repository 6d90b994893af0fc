// Owns `evenkeel autoscale`: how pools are scaled, and why.

import type { ScalerReport } from '../../autoscale/scaler.ts';
import type { CliContext } from '../context.ts';
import { failWith, type RemoteCommandOptions, theBalancer } from './command.ts';

export async function autoscale(ctx: CliContext, options: RemoteCommandOptions): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const answer = await balancer.get('GET', '/api/v1/autoscale');
  if (!answer.ok) return failWith(ctx, answer.error);
  const reports = answer.value.body as readonly ScalerReport[];
  if (options.json === true) ctx.stdout.write(`${answer.value.text}\n`);
  else if (reports.length === 0) ctx.stdout.write('no pool is scaled\n');
  else for (const report of reports) ctx.stdout.write(lineOf(report));
}

function lineOf({
  pool,
  provider,
  metric,
  target,
  value,
  min,
  max,
  running,
  warming,
  draining,
  desired,
  reason,
  dryRun,
  problem,
}: ScalerReport): string {
  const amount = (n: number): string =>
    metric === 'cpu' ? `${Math.round(n * 100)} %` : String(Math.round(n * 10) / 10);
  const counts = [
    `${running} running`,
    ...(warming > 0 ? [`${warming} warming`] : []),
    ...(draining > 0 ? [`${draining} draining`] : []),
  ];
  const measured = value === undefined ? 'not known' : amount(value);
  const lines = [
    `${pool}: ${counts.join(', ')}; ${desired} wanted of ${min}-${max} (${reason})${dryRun ? '; dry run' : ''}`,
    `  ${metric} ${measured}, target ${amount(target)}, by ${provider}`,
    ...(problem === '' ? [] : [`  ${problem}`]),
  ];
  return `${lines.join('\n')}\n`;
}
