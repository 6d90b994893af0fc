// Owns the version of this build, as package.json says it.

import { readFileSync } from 'node:fs';

export function version(): string {
  // One level up from src/cli or dist/cli is the code, two is the package.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
