// Filters of somebody's own, for tests: one of each way to behave, and to misbehave.

import { type FilterKind, wholeBody } from '../../src/index.ts';

export const names = ['greet', 'throws', 'hangs', 'later', 'shout', 'peek', 'fails-late', 'too-late', 'slow'];

const filters: FilterKind<Record<string, unknown>>[] = [
  {
    name: 'greet',
    build: ({ word }) => ({
      onRequest(request) {
        request.edits.set('x-greeting', `${String(word)} ${request.client}`);
        return undefined;
      },
      onResponse(_request, { edits }) {
        edits.set('X-Greeted', 'yes');
      },
    }),
  },
  {
    name: 'throws',
    build: () => ({
      onRequest() {
        throw new Error('secret of the inside');
      },
    }),
  },
  { name: 'hangs', build: () => ({ onRequest: () => new Promise(() => undefined) }) },
  {
    name: 'later',
    build: () => ({
      async onRequest(request) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (request.path === '/refused') return { status: 418, body: 'teapot' };
        request.edits.set('x-later', request.header('x-given') ?? '');
        return undefined;
      },
    }),
  },
  {
    name: 'shout',
    build: () => ({
      onResponse(_request, response) {
        response.through(
          wholeBody(1024, async (body) => {
            await Promise.resolve();
            return Buffer.from(body.toString().toUpperCase());
          }),
        );
      },
    }),
  },
  {
    name: 'peek',
    build: () => ({
      async onRequest(request) {
        const body = await request.body(8);
        request.edits.set('x-peeked', body.toString('latin1'));
        return undefined;
      },
    }),
  },
  {
    name: 'too-late',
    build: () => ({
      async onRequest(request) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        request.identity = 'root';
        request.edits.set('x-evil', '1');
        request.answer.set('X-Evil', '1');
        request.labels.set('evil', '1');
        return undefined;
      },
    }),
  },
  {
    name: 'slow',
    build: () => ({
      async onRequest(request) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        request.edits.set('x-identity', `${request.identity}|${request.variable('label', 'evil')}|`);
        return undefined;
      },
    }),
  },
  {
    name: 'fails-late',
    build: () => ({
      onResponse() {
        throw new Error('secret of the inside');
      },
    }),
  },
];

export default { filters };
