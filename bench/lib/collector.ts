// Owns starting the collector of a measurement of tracing, on the core of the load generator.

import { fileURLToPath } from 'node:url';
import { freePorts } from '../../src/testing/free-port.ts';
import { listening } from '../../src/testing/nginx.ts';
import { LOAD_CORE } from './cores.ts';
import type { Scope } from './scope.ts';

const PROGRAM = fileURLToPath(new URL('../rivals/collector.ts', import.meta.url));

/** Its address. */
export async function startCollector(scope: Scope): Promise<string> {
  const [port] = await freePorts(1);
  scope.start(LOAD_CORE, process.execPath, [PROGRAM, String(port)]);
  await listening(port);
  return `http://127.0.0.1:${port}`;
}
