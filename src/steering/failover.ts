// Owns the policy that answers with the first member that is up.

import type { FailoverPolicy } from '../config/types.ts';
import type { SteeringKind } from './kind.ts';
import { scopeOf, widened } from './scope.ts';

export const failover: SteeringKind<FailoverPolicy> = {
  name: 'failover',
  build(name, config, memberOf) {
    const members = config.order.map(memberOf);
    return {
      name,
      resolve(query) {
        for (const [i, member] of members.entries()) {
          const answer = member.resolve(query);
          if (answer === undefined) continue;
          query.explain?.(`${name}: failover uses ${member.name}${i === 0 ? '' : `, number ${i + 1} in order`}`);
          return i === 0 ? answer : widened(answer, scopeOf(members.slice(0, i), query));
        }
        return undefined;
      },
      scope: (query) => scopeOf(members, query),
    };
  },
};
