// A TypeScript configuration with a filter of its own. In a project of yours the import is 'evenkeel'.

import { defineConfig, type FilterKind } from '../src/index.ts';

const greet: FilterKind<{ word?: string }> = {
  name: 'greet',
  build: ({ word = 'hello' }) => ({
    onRequest(request) {
      if (request.path === '/teapot') return { status: 418, body: 'short and stout' };
      request.edits.set('x-tenant', `${word} ${request.client}`);
      return undefined;
    },
  }),
};

export default defineConfig({
  filters: [greet],
  listeners: {
    web: { bind: '127.0.0.1:8080', filters: [{ use: { name: 'greet', options: { word: 'hi' } } }], pool: 'web' },
  },
  pools: { web: { endpoints: ['127.0.0.1:3001'] } },
});
