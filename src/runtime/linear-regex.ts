// Owns making regular expressions of routes safe from catastrophic input: V8 then switches to its linear-time engine as soon
// as a match backtracks too much. Patterns that engine cannot run were refused when the configuration was checked.

import { setFlagsFromString } from 'node:v8';

/** Once per process, before the first pattern is compiled; worker threads share it. */
export function enableLinearRegex(): void {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
}
