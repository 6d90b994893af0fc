// A TypeScript configuration with a balancing algorithm of its own: always the first endpoint that may be picked.
// In a project of yours the import is 'evenkeel'.

import { type BalancerKind, defineConfig } from '../src/index.ts';

const firstAvailable: BalancerKind = {
  name: 'first-available',
  needs: 'nothing',
  schema: {},
  build: ({ endpoints }) => ({ pick: (request) => endpoints.find((endpoint) => !request.excludes(endpoint)) }),
};

export default defineConfig({
  balancers: [firstAvailable],
  listeners: { web: { bind: '127.0.0.1:8080', pool: 'web' } },
  pools: { web: { balance: 'first-available', endpoints: ['127.0.0.1:3001', '127.0.0.1:3002'] } },
});
