// Owns the command line: names, options and help of every command. What a command does is in its own file, loaded only
// when it is called.

import { Argument, Command, Option } from 'commander';
import { BALANCERS } from '../balancing/index.ts';
import type { CliContext } from './context.ts';
import { addRemoteCommands } from './remote/commands.ts';
import { version } from './version.ts';

const DEFAULT_FILE = 'evenkeel.yaml';
/** The file may stand alone as well: `evenkeel check FILE`. */
const fileArgument = () => new Argument('[file]', 'the same, without -c');
const config = () => new Option('-c, --config <file>', 'configuration: YAML, JSON or TypeScript').default(DEFAULT_FILE);

export function buildProgram(ctx: CliContext): Command {
  const program = new Command('evenkeel')
    .description('One load balancer for every layer, with one configuration and one health view.')
    .version(version(), '-V, --version')
    .configureOutput({ writeOut: (text) => ctx.stdout.write(text), writeErr: (text) => ctx.stderr.write(text) })
    .showHelpAfterError('(evenkeel --help lists the commands)');

  program
    .command('run')
    .description('serve traffic until SIGTERM or SIGINT; reload on SIGHUP and when the file changes')
    .addArgument(fileArgument())
    .addOption(config())
    .option('--no-watch', 'reload on SIGHUP only, not when the file changes')
    .option('--json', 'log JSON lines, also on a terminal')
    .option('--dry-run', 'autoscaling decides and says so, and starts and stops nothing')
    .addHelpText(
      'after',
      '\nSignals: SIGHUP reload · SIGTERM, SIGINT drain and stop (twice: stop now) · SIGUSR1 reopen log files\nExit codes: 0 stopped cleanly · 1 could not start, or cut requests off at the deadline',
    )
    .action(async (file, options, command) => (await import('./run.ts')).run(ctx, withFile(file, options, command)));

  program
    .command('check')
    .description('say everything that is wrong with a configuration, without starting anything')
    .addArgument(fileArgument())
    .addOption(config())
    .option('--effective', 'print the whole configuration with every default filled in')
    .option('--json', 'print issues (or the effective configuration) as JSON')
    .option('--schema', 'print the JSON Schema of the configuration, for editors')
    .addHelpText('after', '\nExit codes: 0 the configuration is good · 1 it is not')
    .action(async (file, options, command) =>
      (await import('./check.ts')).check(ctx, withFile(file, options, command)),
    );

  program
    .command('purge')
    .description('take answers out of the caches of the running balancer')
    .addArgument(fileArgument())
    .addOption(config())
    .option('--url <address>', 'one answer, such as http://www.example.com/a?b=1')
    .option('--prefix <address>', 'all whose address begins so, such as http://www.example.com/images/')
    .option('--tag <name>', 'all that the endpoint gave this tag')
    .option('--all', 'everything')
    .option('--admin <address>', 'where the balancer is asked; otherwise "admin" of the configuration')
    .option('--token-file <file>', 'file with the token')
    .option('--json', 'print the count as JSON')
    .addHelpText('after', '\nExit codes: 0 done, also when there was nothing · 1 the balancer could not be asked')
    .action(async (file, options, command) =>
      (await import('./purge.ts')).purge(ctx, withFile(file, options, command)),
    );

  addRemoteCommands(ctx, program);
  const cluster = program
    .command('cluster')
    .description('show the balancers that share with the running one, and what became of the published configuration')
    .addOption(config())
    .option('--admin <address>', 'where the balancer is asked; otherwise "admin" of the configuration')
    .option('--token-file <file>', 'file with the token')
    .option('--json', 'print it as JSON')
    .action(async (options) => (await import('./remote/cluster.ts')).cluster(ctx, options));
  cluster
    .command('publish')
    .description('publish a configuration for all balancers; each applies it as a whole, or refuses it and says why')
    .argument('<file>', 'the configuration, YAML or JSON')
    .option('--note <text>', 'why; kept with it', '')
    .addHelpText('after', '\nExit codes: 0 all have applied it · 1 refused, by all or by some: they are named')
    .action(async (file, _options, command) =>
      (await import('./remote/cluster.ts')).publish(ctx, file, command.optsWithGlobals()),
    );

  program
    .command('nat')
    .description('show the nftables rules of listeners in mode nat or auto, with every endpoint taken for healthy')
    .addArgument(fileArgument())
    .addOption(config())
    .option('--print', 'print the table as nft lists it (default)')
    .option('--commands', 'print the commands of the one transaction that makes it')
    .option('--check', 'ask this machine whether it can: nft, rights, forwarding, kernel; needs root')
    .addHelpText(
      'after',
      '\nChanges nothing. What runs now is shown by: nft list table inet evenkeel\nExit codes: 0 done · 1 the configuration is wrong, has nothing for the kernel, or the machine cannot do it',
    )
    .action(async (file, options, command) => (await import('./nat.ts')).nat(ctx, withFile(file, options, command)));

  program
    .command('dig')
    .description('tell what the DNS part of a configuration answers, and why; asks nobody')
    .argument('<name>', 'such as www.example.com')
    .argument('[type]', 'record type', 'A')
    .addOption(config())
    .option('--from <address>', 'who asks: a resolver, or the client it speaks for')
    .option('--down <name...>', 'sites, pools or endpoints (pool/host:port) that are taken to be down')
    .option('--latency <file...>', 'measurements to go by: what /latency of running balancers said')
    .option('--json', 'print the answer and the reasons as JSON')
    .addHelpText('after', '\nExit codes: 0 answered · 1 the configuration or the question is wrong')
    .action(async (name, type, options) => (await import('./dig.ts')).dig(ctx, name, type, options));

  const dns = program.command('dns').description('what a DNS zone here needs elsewhere');
  dns
    .command('ds')
    .description('print the DS record that the parent of a signed zone needs (RFC 4034); asks nobody')
    .argument('[zone]', 'such as example.com; otherwise every signed zone')
    .addOption(config())
    .option('--json', 'print the parts of each record and the DNSKEY as JSON')
    .addHelpText('after', '\nExit codes: 0 printed · 1 the configuration is wrong, or the zone is not signed here')
    .action(async (zone, options) => (await import('./ds.ts')).ds(ctx, zone, options));

  program
    .command('import')
    .description('turn what another system wrote into a part of a configuration, and say what became of each record')
    .addArgument(new Argument('<system>', 'whose it is').choices(['route53']))
    .argument('<file>', 'JSON: record sets, a change batch, or what "aws route53 list-resource-record-sets" prints')
    .option(
      '-o, --output <file>',
      'where to write; otherwise the configuration is printed, and the account goes to stderr',
    )
    .option('--zone <name>', 'the zone, when the file does not say')
    .option('--json', 'print configuration and account as JSON')
    .option('--force', 'overwrite an existing file')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, also when records were refused: the account names them · 1 nothing could be read',
    )
    .action(async (_system, file, options) => (await import('./import.ts')).importFrom(ctx, file, options));

  program
    .command('init')
    .description('write a first configuration, with comments, by asking three questions')
    .option('-o, --output <file>', 'where to write', DEFAULT_FILE)
    .option('--listen <address>', 'where clients connect, such as 0.0.0.0:8080')
    .option('--backend <address...>', 'servers to balance over, such as 10.0.0.1:8080 10.0.0.2:8080')
    .option('--health <path>', 'path that answers 2xx while a server is well; "none" for no checks')
    .option('--force', 'overwrite an existing file')
    .action(async (options) => (await import('./init.ts')).init(ctx, options));

  program
    .command('demo')
    .description('see balancing, failure and recovery within a minute; needs no other program')
    .addOption(
      new Option('--balance <kind>', 'balancing algorithm')
        .choices(BALANCERS.map((kind) => kind.name))
        .default('peak-ewma'),
    )
    .option('--rate <n>', 'requests per second', (text) => Number(text), 200)
    .option('--for <duration>', 'end by itself, such as 20s')
    .option('--plain', 'print lines instead of a live table, as without a terminal')
    .action(async (options) => (await import('./demo.ts')).demo(ctx, options));

  return program;
}

function withFile<T extends { readonly config: string }>(file: string | undefined, options: T, command: Command): T {
  if (file === undefined) return options;
  if (command.getOptionValueSource('config') === 'cli')
    command.error(`error: both "${file}" and "-c ${options.config}" are given; one of them is enough`);
  return { ...options, config: file };
}
