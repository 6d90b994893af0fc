// Owns what the kernel says of a process and its children: CPU time and resident memory.
// CPU time (user + system, all threads) divided by requests is the figure to trust on a machine that is shared: it hardly
// moves with what else runs there, throughput does.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface CpuTime {
  readonly userUs: number;
  readonly systemUs: number;
}

const tickUs = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The process and all that descend from it. */
export function processTree(pid: number): number[] {
  const tree = [pid];
  for (let i = 0; i < tree.length; i++) tree.push(...childrenOf(tree[i]));
  return tree;
}

/** CPU time of the process tree so far, children that ended included. */
export function cpuTime(pid: number): CpuTime {
  let user = 0;
  let system = 0;
  for (const member of processTree(pid)) {
    const stat = read(`/proc/${member}/stat`);
    // The name in parentheses may hold anything; after it come state (field 3) and the rest.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Fields 14-17: utime stime cutime cstime.
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
    user += (utime || 0) + (cutime || 0);
    system += (stime || 0) + (cstime || 0);
  }
  return { userUs: user * tickUs, systemUs: system * tickUs };
}

/** Resident memory of the process tree, in bytes. */
export function residentBytes(pid: number): number {
  let kib = 0;
  for (const member of processTree(pid))
    kib += Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${member}/status`))?.[1] ?? 0);
  return kib * 1024;
}

/** Open sockets of one process; all its threads share them. */
export function openSockets(pid: number): number {
  return list(`/proc/${pid}/fd`).filter((fd) => linkOf(`/proc/${pid}/fd/${fd}`).startsWith('socket:')).length;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function childrenOf(pid: number): number[] {
  return list(`/proc/${pid}/task`).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`)
      .split(' ')
      .map(Number)
      .filter((child) => child > 0),
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
