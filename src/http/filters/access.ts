// Owns the filter `access`: who may come in at all.

import type { AccessList, AccessSettings } from '../../config/types.ts';
import { CidrSet } from '../../core/cidr.ts';
import type { Filter, FilterKind, FilterRequest } from '../filter.ts';

type Test = (request: FilterRequest) => boolean;

export const access: FilterKind<AccessSettings> = {
  name: 'access',
  build({ allow, deny }, { count }): Filter {
    const welcome = testsOf(allow);
    const unwelcome = testsOf(deny);
    return {
      onRequest(request) {
        const isIn = welcome.every((holds) => holds(request)) && !unwelcome.some((holds) => holds(request));
        if (isIn) return undefined;
        count('denied');
        return { status: 403, code: 'filter-refused' };
      },
    };
  },
};

function testsOf({ networks, countries, userAgents, methods }: AccessList): readonly Test[] {
  const tests: Test[] = [];
  if (networks.length > 0) {
    const set = CidrSet.of(networks);
    tests.push((request) => set.has(request.client));
  }
  if (countries.length > 0) {
    const set = new Set(countries);
    tests.push((request) => set.has(request.variable('country', '')));
  }
  if (userAgents.length > 0) {
    const set = new Set<string>(userAgents);
    tests.push((request) => set.has(request.variable('device', '')));
  }
  if (methods.length > 0) {
    const set = new Set(methods);
    tests.push((request) => set.has(request.method));
  }
  return tests;
}
