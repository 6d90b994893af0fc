// Owns the contract of a steering kind: a policy over members. One kind is one file, and one line in `index.ts`.

import type { PolicyConfig } from '../config/types.ts';
import type { Member } from './steering.ts';

export type MemberOf = (name: string) => Member;

export interface SteeringKind<C extends PolicyConfig = PolicyConfig> {
  readonly name: C['kind'];
  /** `memberOf` knows every name that the policy mentions. */
  build(name: string, config: C, memberOf: MemberOf): Member;
}
