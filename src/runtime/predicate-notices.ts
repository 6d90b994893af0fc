// Owns what becomes of predicates that throw: each time is counted, and the first of each in a configuration is told.

import { type Counters, W } from '../core/counters.ts';

const MOST_TEXT = 200;

export function predicateNotices(
  counters: Counters,
  tell: (text: string) => void,
): (predicate: string, error: unknown) => void {
  const told = new Set<string>();
  return (predicate, error) => {
    counters.addWorker(W.predicateThrows);
    if (told.has(predicate)) return;
    told.add(predicate);
    const reason = error instanceof Error ? error.message : String(error);
    tell(`the predicate ${predicate} throws, and counts as not matching: ${reason.slice(0, MOST_TEXT)}`);
  };
}
