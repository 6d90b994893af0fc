// Owns the benchmark as a command: which scenarios, how long, what is printed and kept. `npm run bench -- --help`.
// It must leave nothing behind, however it ends.

import { parseArgs } from 'node:util';
import { findProgram } from '../src/testing/programs.ts';
import { benchAffinity } from './affinity.ts';
import { compareDns } from './lib/dns.ts';
import { compare, type Options } from './lib/measure.ts';
import { idleConnections, measureMemory } from './lib/memory.ts';
import { compareNat, missingNat } from './lib/nat.ts';
import { describeMachine, loadResult, type Machine, type ScenarioResult, saveResult } from './lib/results.ts';
import { ALL, SCENARIOS, type Scenario } from './lib/scenarios.ts';
import type { Scope } from './lib/scope.ts';
import { summaryOf, tableOf, writeReadme } from './lib/table.ts';
import { compareUdp, missingUdp } from './lib/udp.ts';
import { benchPicks } from './pick.ts';
import { benchRoutes } from './route.ts';

const HELP = `npm run bench -- [options]
  --quick          two rounds of two seconds: to see that it works; keeps nothing
  --only A,B       only these scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --rounds N       rounds (default 5)
  --seconds N      seconds per measurement (default 5)
  --json           results as JSON on stdout instead of tables
`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const scopes = new Set<Scope>();
const say = (text: string): void => void process.stderr.write(`${text}\n`);

function positive(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1, not "${text}"`);
  return value;
}

function chosen(): readonly Scenario[] {
  if (values.only === undefined) return SCENARIOS;
  return values.only.split(',').map((name) => {
    const scenario = SCENARIOS.find((one) => one.name === name);
    if (scenario === undefined) throw new Error(`there is no scenario "${name}"\n${HELP}`);
    return scenario;
  });
}

async function runScenario(scenario: Scenario, machine: Machine, options: Options): Promise<ScenarioResult> {
  const { name, title, note, special, comparison, udp, dns, subjects = ALL } = scenario;
  const head = { scenario: name, title, note, machine, seconds: options.seconds };
  if (comparison !== undefined) return { ...head, subjects: await compare(comparison, options) };
  if (udp !== undefined) {
    const without = missingUdp();
    const subjects =
      without === undefined ? await compareUdp(udp, options) : [{ name: 'nginx', missing: without, rounds: [] }];
    return { ...head, subjects };
  }
  if (dns !== undefined) return { ...head, subjects: await compareDns(dns, options) };
  if (special === 'nat') {
    const without = missingNat();
    return without === undefined ? { ...head, nat: await compareNat(options) } : { ...head, note: without, nat: [] };
  }
  if (special === 'memory') {
    const count = idleConnections(subjects).toLocaleString('en-US');
    return { ...head, note: `${count} connections, ${note}`, memory: await measureMemory(subjects, options) };
  }
  const rows = microRows(special);
  const names = [...new Set(rows.map((row) => row.name))];
  const of = (one: string) => rows.filter((row) => row.name === one).map(({ column, ns }) => [column, ns] as const);
  return { ...head, micro: names.map((one) => ({ name: one, ns: Object.fromEntries(of(one)) })) };
}

function microRows(special: Scenario['special']): readonly { name: string; column: string; ns: number }[] {
  if (special === 'pick')
    return benchPicks().map(({ kind, endpoints, ns }) => ({ name: kind, column: `${endpoints} endpoints`, ns }));
  if (special === 'affinity')
    return benchAffinity().map(({ kind, sessions, ns }) => ({ name: kind, column: `${sessions} sessions`, ns }));
  return benchRoutes().map(({ by, routes, ns }) => ({ name: by, column: `${routes} routes`, ns }));
}

function requirePrograms(): void {
  const needed = { nginx: 'nginx', wrk: 'wrk' } as const;
  for (const [program, debian] of Object.entries(needed)) {
    if (findProgram(program as keyof typeof needed) !== undefined) continue;
    throw new Error(`needs ${program} (Debian: apt-get install ${debian}): it is part of every measurement`);
  }
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  const rounds = positive('rounds', values.rounds, values.quick ? 2 : 5);
  const seconds = positive('seconds', values.seconds, values.quick ? 2 : 5);
  const scenarios = chosen();
  if (scenarios.some(({ comparison, special }) => comparison !== undefined || special === 'memory')) requirePrograms();
  const machine = describeMachine();
  if (machine.loadAverage[0] > 0.5)
    say(`the machine is busy (load average ${machine.loadAverage[0]}): trust only ratios`);
  const results: ScenarioResult[] = [];
  for (const [index, scenario] of scenarios.entries()) {
    say(`[${index + 1}/${scenarios.length}] ${scenario.name}: ${scenario.title}, ${rounds} rounds of ${seconds} s`);
    const options: Options = {
      rounds,
      seconds,
      progress: (text) => say(`    ${text}`),
      own: (scope) => void scopes.add(scope),
    };
    const result = await runScenario(scenario, machine, options);
    results.push(result);
    if (!values.quick) saveResult(result);
    if (!values.json) process.stdout.write(`\n${tableOf(result)}\n`);
  }
  if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (values.quick) return;
  const kept = SCENARIOS.map(({ name }) => loadResult(name)).filter((result) => result !== undefined);
  say(writeReadme(summaryOf(kept)) ? 'README.md has the new tables' : 'README.md has no place for the tables');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const scope of scopes) scope.closeNow();
    process.exit(130);
  });
}
process.on('exit', () => {
  for (const scope of scopes) scope.closeNow();
});
try {
  await main();
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}
