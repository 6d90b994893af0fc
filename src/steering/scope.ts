// Owns how much of a client's address an answer depended on (RFC 7871 scope) beyond what the member says that gave it: on the
// members before it as well, which had nothing for this client and may have something for another one.

import type { Member, SteeredAnswer, SteeringQuery } from './steering.ts';

export function scopeOf(members: Iterable<Member>, query: SteeringQuery): number {
  let most = 0;
  for (const member of members) most = Math.max(most, member.scope?.(query) ?? 0);
  return most;
}

export function widened(answer: SteeredAnswer, scope: number): SteeredAnswer {
  return scope <= answer.scope ? answer : { ...answer, scope };
}
