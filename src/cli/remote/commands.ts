// Owns the command line of what is asked of a running balancer: names, options and help. What a command does is in its own file,
// loaded only when it is called.

import { type Command, Option } from 'commander';
import type { CliContext } from '../context.ts';

const WHERE =
  '\nThe balancer is found by "admin" of the configuration (-c), or by --admin; its token there, in EVENKEEL_TOKEN or in --token-file.';
const CODES = '\nExit codes: 0 done · 1 refused, or the balancer could not be asked';

/** What all of them take. */
function remote(command: Command): Command {
  return command
    .addOption(
      new Option('-c, --config <file>', 'configuration that says where the balancer is').default('evenkeel.yaml'),
    )
    .option('--admin <address>', 'where the balancer is asked, such as 127.0.0.1:9900 or https://10.0.0.5:9900')
    .option('--token-file <file>', 'file with the token')
    .option('--json', 'for machines');
}

const note = (command: Command): Command =>
  command.option('--note <text>', 'why; kept in the timeline and in the audit log', '');

export function addRemoteCommands(ctx: CliContext, program: Command): void {
  addLooking(ctx, program);
  addScaling(ctx, program);
  addDraining(ctx, program);
  addChanging(ctx, program);
  addRestart(ctx, program);
  addConfig(ctx, program);
}

function addLooking(ctx: CliContext, program: Command): void {
  remote(program.command('top'))
    .description('watch pools and endpoints live: rates, errors, response times; the slowest first')
    .option('--count <n>', 'end after so many looks, one a second')
    .addHelpText('after', `\nq ends it. Without a terminal the view is printed every second.${WHERE}${CODES}`)
    .action(async (options) => (await import('./top.ts')).top(ctx, options));
  remote(program.command('explain'))
    .description('tell what the running balancer would do with a request, connection or DNS query, and why')
    .argument('<what>', 'a method such as GET, or tcp, or dns')
    .argument(
      '<target>',
      'an address such as http://www.example.com/path; for tcp the name of a listener; for dns a name',
    )
    .argument('[type]', 'for dns: record type', 'A')
    .option('-H, --header <line...>', 'a field of the request, such as "Cookie: a=b"')
    .option('--from <address>', 'who asks', '127.0.0.1')
    .option('--listener <name>', 'which one, when the address does not say')
    .option('--sni <name>', 'for tcp: the name that a TLS client asks for')
    .option('--alpn <protocol...>', 'for tcp: what a TLS client speaks')
    .addHelpText(
      'after',
      `\nNothing is sent, counted or remembered. The first worker is asked: what is in flight is the same for all, whose turn it is may differ.${WHERE}${CODES}`,
    )
    .action(async (what, target, type, options) =>
      (await import('./explain.ts')).explain(ctx, what, target, type, options),
    );
  remote(program.command('timeline'))
    .description('show what happened to the health of endpoints, with the evidence; oldest first')
    .argument('[endpoint]', 'pool/host:port; otherwise all')
    .option('--limit <n>', 'the newest so many', '50')
    .addHelpText('after', WHERE + CODES)
    .action(async (id, options) => (await import('./timeline.ts')).timeline(ctx, id, options));
}

function addScaling(ctx: CliContext, program: Command): void {
  remote(program.command('autoscale'))
    .description('show how pools are scaled: what was measured, how many instances there should be, and why')
    .addHelpText('after', WHERE + CODES)
    .action(async (options) => (await import('./autoscale.ts')).autoscale(ctx, options));
}

function addDraining(ctx: CliContext, program: Command): void {
  note(remote(program.command('drain')))
    .description('give an endpoint no new work, and show what still runs there until nothing does')
    .argument('<target>', 'pool/host:port, or site:NAME: out of DNS answers first, then its endpoints')
    .option(
      '--deadline <duration>',
      'such as 5m: then sessions that are pinned there are moved; what runs is never cut',
    )
    .option('--no-wait', 'begin, and do not wait')
    .addHelpText(
      'after',
      `${WHERE}\nExit codes: 0 empty (or begun, with --no-wait) · 1 the deadline passed with something left, or refused`,
    )
    .action(async (target: string, options) => {
      const { drain, drainSite } = await import('./drain.ts');
      return target.startsWith('site:') ? drainSite(ctx, target.slice(5), options) : drain(ctx, target, options);
    });
  const modes = [
    ['ready', 'let checks decide about an endpoint again, or use a site again'],
    ['maintenance', 'take an endpoint out, whatever its checks say; what runs there finishes'],
  ] as const;
  for (const [mode, description] of modes) {
    note(remote(program.command(mode)))
      .description(description)
      .argument('<target>', mode === 'ready' ? 'pool/host:port, or site:NAME' : 'pool/host:port')
      .addHelpText('after', WHERE + CODES)
      .action(async (id, options) => (await import('./change.ts')).setMode(ctx, id, mode, options));
  }
}

function addChanging(ctx: CliContext, program: Command): void {
  note(remote(program.command('weight')))
    .description('change the weight of an endpoint; 0 takes it out')
    .argument('<endpoint>', 'pool/host:port')
    .argument('<weight>')
    .addHelpText('after', WHERE + CODES)
    .action(async (id, weight, options) => (await import('./change.ts')).setWeight(ctx, id, weight, options));
  note(remote(program.command('add')))
    .description('add an endpoint to a pool')
    .argument('<endpoint>', 'pool/host:port')
    .option('--weight <n>')
    .option('--zone <name>')
    .option('--backup', 'used when no other one is up')
    .addHelpText('after', WHERE + CODES)
    .action(async (id, options) => (await import('./change.ts')).addEndpoint(ctx, id, options));
  note(remote(program.command('remove')))
    .description('take an endpoint away; what runs there finishes')
    .argument('<endpoint>', 'pool/host:port')
    .addHelpText('after', WHERE + CODES)
    .action(async (id, options) => (await import('./change.ts')).removeEndpoint(ctx, id, options));
  note(remote(program.command('reset')))
    .description('take back whatever operators said about an endpoint')
    .argument('<endpoint>', 'pool/host:port')
    .addHelpText('after', WHERE + CODES)
    .action(async (id, options) => (await import('./change.ts')).takeBack(ctx, id, options));
  note(remote(program.command('split')))
    .description('change the weights of a split; without weights: as configured again')
    .argument('<split>', 'listener/route')
    .argument('[weights...]', 'such as canary=5 stable=95')
    .addHelpText('after', WHERE + CODES)
    .action(async (name, weights, options) => (await import('./change.ts')).setSplit(ctx, name, weights, options));
}

function addRestart(ctx: CliContext, program: Command): void {
  note(remote(program.command('restart')))
    .description(
      'let a new process, of the version that is installed now, take over the sockets; the old one finishes what runs',
    )
    .addHelpText('after', `\nThe signal SIGUSR2 does the same.${WHERE}${CODES}`)
    .action(async (options) => (await import('./restart.ts')).restart(ctx, options));
}

function addConfig(ctx: CliContext, program: Command): void {
  const config = program
    .command('config')
    .description('the configuration of the running balancer: plan, apply, go back');
  const save = (command: Command): Command => command.option('--save', 'write it to the file of the balancer as well');
  remote(config.command('plan'))
    .description('show what a file would change; applies nothing')
    .argument('<file>')
    .addHelpText('after', WHERE + CODES)
    .action(async (file, options) => (await import('./config.ts')).planFile(ctx, file, { note: '', ...options }));
  save(note(remote(config.command('apply'))))
    .description('apply a file as a whole, or not at all')
    .argument('<file>')
    .addHelpText('after', WHERE + CODES)
    .action(async (file, options) => (await import('./config.ts')).applyFile(ctx, file, options));
  save(note(remote(config.command('rollback'))))
    .description('go back to a version that was in effect before')
    .argument('<version>')
    .addHelpText('after', WHERE + CODES)
    .action(async (version, options) => (await import('./config.ts')).rollBack(ctx, version, options));
  remote(config.command('versions'))
    .description('list the versions that were in effect, newest first')
    .addHelpText('after', WHERE + CODES)
    .action(async (options) => (await import('./config.ts')).listVersions(ctx, { note: '', ...options }));
}
