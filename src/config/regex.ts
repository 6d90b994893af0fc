// Owns the gate for patterns that people write: what a linear-time engine refuses (backreferences, lookaround) is refused,
// so that no request can make a route slow. What passes runs on the native engine, which is faster, and which falls back to
// linear time when a match backtracks too much (`runtime/linear-regex.ts`).

import { RE2JS } from 're2js';
import { err, ok, type Result } from '../core/result.ts';

const MAX_LENGTH = 1000;

export function checkPattern(pattern: string): Result<RegExp, string> {
  if (pattern.length > MAX_LENGTH) return err(`is a pattern longer than ${MAX_LENGTH} characters`);
  try {
    RE2JS.compile(pattern);
    return ok(compilePattern(pattern));
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'is malformed';
    return err(`is no usable pattern: ${reason} (backreferences and lookaround are not supported)`);
  }
}

/** For patterns that passed the gate. */
export function compilePattern(pattern: string): RegExp {
  return new RegExp(pattern);
}
