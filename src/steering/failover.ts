// Owns the policy that answers with the first member that is up.

import type { FailoverPolicy } from '../config/types.ts';
import type { SteeringKind } from './kind.ts';

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
          return answer;
        }
        return undefined;
      },
    };
  },
};
