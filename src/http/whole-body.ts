// Owns a stage for those who want a body whole: it is gathered up to a limit and handed over once. A longer one passes as it came.

import type { BodyStage } from './filter.ts';

/** `change` may take its time; what it throws breaks the answer off. */
export function wholeBody(limit: number, change: (body: Buffer) => Buffer | Promise<Buffer>): BodyStage {
  let pieces: Buffer[] | undefined = [];
  let size = 0;
  return {
    push(bytes, next) {
      if (pieces === undefined) return next(Buffer.from(bytes));
      pieces.push(Buffer.from(bytes));
      size += bytes.length;
      if (size <= limit) return;
      const all = Buffer.concat(pieces);
      pieces = undefined;
      next(all);
    },
    end(next, done) {
      if (pieces === undefined) return done();
      const changed = change(Buffer.concat(pieces));
      if (!(changed instanceof Promise)) {
        next(changed);
        return done();
      }
      changed.then(
        (bytes) => {
          next(bytes);
          done();
        },
        (error: Error) => done(error),
      );
    },
  };
}
