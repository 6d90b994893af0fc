// Owns the policy that answers with everything that is up; in which order, and how many, is the record's (`rotate`, `answers`).

import type { RoundRobinPolicy } from '../config/types.ts';
import type { SteeringKind } from './kind.ts';
import { scopeOf } from './scope.ts';

export const roundRobin: SteeringKind<RoundRobinPolicy> = {
  name: 'round-robin',
  build(name, config, memberOf) {
    const members = config.members.map(memberOf);
    return {
      name,
      resolve(query) {
        const answers = members.flatMap((member) => member.resolve(query) ?? []);
        if (answers.length === 0) return undefined;
        return {
          addresses: [...new Set(answers.flatMap(({ addresses }) => addresses))],
          ttlSeconds: Math.min(...answers.map(({ ttlSeconds }) => ttlSeconds)),
          scope: Math.max(scopeOf(members, query), ...answers.map(({ scope }) => scope)),
        };
      },
      scope: (query) => scopeOf(members, query),
    };
  },
};
