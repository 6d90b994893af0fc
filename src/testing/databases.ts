// Owns real database servers in folders of their own: Redis, MariaDB and PostgreSQL, on loopback ports, ended with the test.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-port.ts';
import { listening } from './nginx.ts';
import { findProgram } from './programs.ts';

export interface Database {
  readonly port: number;
  readonly child: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

async function run(
  program: string,
  args: readonly string[],
  folder: string,
  port: number,
  account: Account = {},
): Promise<Database> {
  const child = spawn(program, args, { stdio: 'ignore', cwd: folder, ...account });
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  await listening(port).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { port, child, stop };
}

const folderFor = (name: string): string => mkdtempSync(join(tmpdir(), `evenkeel-${name}-`));

export async function redisServer(...settings: string[]): Promise<Database> {
  const [port] = await freePorts(1);
  return redisServerAt(port, ...settings);
}

/** Such as one that comes back. */
export async function redisServerAt(port: number, ...settings: string[]): Promise<Database> {
  const folder = folderFor('redis');
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...settings];
  return run(findProgram('redis-server')!, args, folder, port);
}

/** `file` says what it watches; it is rewritten by it. */
export async function redisSentinelAt(port: number, file: string): Promise<Database> {
  const folder = folderFor('sentinel');
  const args = [file, '--sentinel', '--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder];
  return run(findProgram('redis-server')!, args, folder, port);
}

export async function mariadbServer(...settings: string[]): Promise<Database> {
  const [port] = await freePorts(1);
  const folder = folderFor('mariadb');
  const data = join(folder, 'data');
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const install = ['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--auth-root-authentication-method=normal'];
  execFileSync('mariadb-install-db', [...install, ...user], { stdio: 'ignore' });
  const args = ['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1', ...user];
  const files = [`--socket=${folder}/socket`, `--pid-file=${folder}/pid`, `--log-error=${folder}/log`];
  return run(findProgram('mariadbd')!, [...args, ...files, '--skip-name-resolve', ...settings], folder, port);
}

/** PostgreSQL refuses to run as root, so root lends it the account that the package made. */
function postgresAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export async function postgresServer(authentication: string, ...settings: string[]): Promise<Database> {
  const [port] = await freePorts(1);
  const folder = folderFor('postgres');
  const account = postgresAccount();
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid!);
  const versions = '/usr/lib/postgresql';
  const version = readdirSync(versions).find((one) => existsSync(join(versions, one, 'bin/initdb')))!;
  const program = (name: string): string => join(versions, version, 'bin', name);
  const options = { stdio: 'ignore' as const, cwd: folder, ...account };
  const password = join(folder, 'password');
  writeFileSync(password, 'secret\n', { mode: 0o644 });
  const who = ['-U', 'postgres', '-A', authentication, `--pwfile=${password}`];
  const made = spawnSync(program('initdb'), ['-D', data, ...who, '--no-sync'], options);
  if (made.status !== 0) throw new Error('initdb failed');
  const fast = ['-c', 'fsync=off', '-c', `unix_socket_directories=${folder}`, '-c', 'listen_addresses=127.0.0.1'];
  const args = ['-D', data, '-p', `${port}`, ...fast, ...settings.flatMap((setting) => ['-c', setting])];
  return run(program('postgres'), args, folder, port, account);
}
