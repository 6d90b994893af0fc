// Owns who probes what, and what all believe of it. Pure: every balancer computes the same from the same list of balancers, so
// nobody has to be asked, and one that comes or goes moves only the targets that were or become its own.

import { hash32, mix32 } from '../core/hash.ts';

export type Said = 'up' | 'down';

export interface Testimony {
  readonly node: string;
  readonly verdict: Said;
  readonly evidence: string;
}

export type Judgement =
  | { readonly kind: 'agreed'; readonly verdict: Said; readonly evidence: string }
  /** Enough were heard, and they are not of one mind. */
  | { readonly kind: 'divided'; readonly evidence: string }
  /** Too few were heard. */
  | { readonly kind: 'unknown' };

const MOST_EVIDENCE = 400;

/** Rendezvous hashing: the `count` balancers that rank highest for this target, highest first. */
export function vantagesOf(target: string, nodes: readonly string[], count: number): readonly string[] {
  if (nodes.length <= count) return nodes;
  const at = hash32(target, 0x5eed);
  return nodes
    .map((node) => ({ node, rank: mix32(at ^ hash32(node, 0x7a9e)) }))
    .sort((a, b) => b.rank - a.rank || (a.node < b.node ? -1 : 1))
    .slice(0, count)
    .map(({ node }) => node);
}

/** How many must say the same. `wanted` 0: more than half. */
export function quorumOf(vantages: number, wanted: number): number {
  return wanted === 0 ? Math.floor(vantages / 2) + 1 : Math.min(wanted, vantages);
}

/** `assigned` are those whose word counts; others (who were it before) are heard only while too few of those have spoken. */
export function judge(all: readonly Testimony[], assigned: readonly string[], wanted: number): Judgement {
  const quorum = quorumOf(assigned.length, wanted);
  const own = all.filter(({ node }) => assigned.includes(node));
  const heard = own.length >= quorum ? own : all;
  if (heard.length < quorum || quorum === 0) return { kind: 'unknown' };
  for (const verdict of ['up', 'down'] as const) {
    const same = heard.filter((one) => one.verdict === verdict);
    // With a quorum of less than half both may have one: then it serves.
    if (same.length >= quorum) return { kind: 'agreed', verdict, evidence: tell(same, heard.length, verdict) };
  }
  return {
    kind: 'divided',
    evidence: tell(
      heard.filter(({ verdict }) => verdict === 'down'),
      heard.length,
      'down',
    ),
  };
}

function tell(same: readonly Testimony[], heard: number, verdict: Said): string {
  const each = same.map(({ node, evidence }) => `${node} ${evidence}`).join(', ');
  const text = `${same.length} of ${heard} vantages say ${verdict}: ${each}`;
  return text.length > MOST_EVIDENCE ? `${text.slice(0, MOST_EVIDENCE)}…` : text;
}
