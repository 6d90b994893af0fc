// Owns the policy that gives each member its share of answers. The share of one that is down goes to the others, by weight.
// Weight 0 is the last resort: used, evenly, when nobody with a weight is up (as Route 53 does).

import type { WeightedPolicy } from '../config/types.ts';
import type { SteeringKind } from './kind.ts';
import { scopeOf, widened } from './scope.ts';
import type { Member, SteeredAnswer, SteeringQuery } from './steering.ts';

interface Share {
  readonly member: Member;
  readonly weight: number;
}

export const weighted: SteeringKind<WeightedPolicy> = {
  name: 'weighted',
  build(name, config, memberOf) {
    const shares = config.weights.map(([member, weight]) => ({ member: memberOf(member), weight }));
    const some = shares.filter(({ weight }) => weight > 0);
    const none = shares.filter(({ weight }) => weight === 0).map(({ member }) => ({ member, weight: 1 }));
    return {
      name,
      resolve(query) {
        const answer = draw(name, some, query);
        if (answer !== undefined) return answer;
        const last = draw(name, none, query);
        return last && widened(last, scopeOf(membersOf(some), query));
      },
      scope: (query) => scopeOf(membersOf(shares), query),
    };
  },
};

function draw(name: string, shares: readonly Share[], query: SteeringQuery): SteeredAnswer | undefined {
  let left = shares;
  while (left.length > 0) {
    const total = left.reduce((sum, { weight }) => sum + weight, 0);
    const chosen = at(left, query.random.unit() * total);
    const answer = chosen.member.resolve(query);
    if (answer !== undefined) {
      query.explain?.(`${name}: weighted chose ${chosen.member.name} (${chosen.weight} of ${total})`);
      return left === shares
        ? answer
        : widened(answer, scopeOf(membersOf(shares.filter((one) => !left.includes(one))), query));
    }
    left = left.filter((share) => share !== chosen);
  }
  return undefined;
}

const membersOf = (shares: readonly Share[]): Member[] => shares.map(({ member }) => member);

/** Whose stretch of the line the point falls on. */
function at(shares: readonly Share[], point: number): Share {
  let left = point;
  for (const share of shares) {
    left -= share.weight;
    if (left < 0) return share;
  }
  return shares[shares.length - 1];
}
