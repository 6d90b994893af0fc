// Routes by a program: what no condition says, a function does. It must be quick, it runs for every request that gets there.
// In a project of yours the import is 'evenkeel'.

import { defineConfig, type PredicateRequest } from '../src/index.ts';

const WEEKDAYS = new Set(['mon', 'tue', 'wed', 'thu', 'fri']);

export default defineConfig({
  predicates: {
    // By name, for several routes.
    premium: (request: PredicateRequest) => ['gold', 'platinum'].includes(request.header('x-plan') ?? ''),
  },
  listeners: {
    web: {
      bind: '127.0.0.1:8080',
      routes: [
        { path: '/reports/*', when: (request) => WEEKDAYS.has(request.parameter('day') ?? ''), pool: 'reports' },
        { when: 'premium', pool: 'premium' },
        { pool: 'web' },
      ],
    },
  },
  pools: {
    web: { endpoints: ['127.0.0.1:3001'] },
    premium: { endpoints: ['127.0.0.1:3002'] },
    reports: { endpoints: ['127.0.0.1:3003'] },
  },
});
