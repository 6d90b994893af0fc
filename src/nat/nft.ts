// Owns running `nft` once: to check a ruleset, to read the counters. Never blocks, and turns what it says into a sentence.

import { err, ok, type Result } from '../core/result.ts';
import { installed, launch } from '../net/program.ts';

const LONGEST_MS = 30_000;

/** Absolute path, or undefined. */
export function findNft(path?: string): string | undefined {
  return installed('nft', path);
}

/** Its output, or what was wrong. */
export function runNft(nft: string, args: readonly string[], input = ''): Promise<Result<string, string>> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const child = launch(nft, args, (reason) => {
      clearTimeout(timer);
      resolve(err(reason));
    });
    if (child === undefined) return;
    // Not the option of spawn, whose timer goes on when the program cannot be started.
    timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
    const out: Buffer[] = [];
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(ok(Buffer.concat(out).toString()));
      else resolve(err(nftError(errors) || `nft ended with ${signal ?? `exit code ${code}`}`));
    });
    child.stdin.end(input);
  });
}

const LONGEST_LINE = 160;

/** The first error of what `nft` wrote, with the line it is about; '' when there is none. */
export function nftError(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => /[^\s^~]/.test(line));
  const at = lines.findIndex((line) => /\bError: /.test(line));
  if (at < 0) return lines[0]?.trim() ?? '';
  const message = lines[at].replace(/^.*?\bError: /, '');
  const about = lines[at + 1] === undefined || /\bError: /.test(lines[at + 1]) ? '' : lines[at + 1].trim();
  return about === ''
    ? message
    : `${message} (${about.length > LONGEST_LINE ? `${about.slice(0, LONGEST_LINE)} …` : about})`;
}
