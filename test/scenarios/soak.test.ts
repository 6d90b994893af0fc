// The soak, shortened: every sort of client, reloads, dying backends; afterwards nothing is left. The long form is
// `npm run soak -- --minutes 60`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../../bench/soak/run.ts';
import { judge, type Sample, slopePerMinute } from '../../bench/soak/verdict.ts';

test('mixed traffic, reloads and dying backends leave nothing behind', { timeout: 60_000 }, async () => {
  const { problems, report } = await soak({ seconds: 15, workers: 2, progress: () => undefined });
  assert.deepEqual(problems, [], report);
});

test('the verdict of a soak notices what grows and what stays', () => {
  const rest = { rssBytes: 100 * 1024 * 1024, heapBytes: 0, sockets: 10, inFlight: 0, clients: 0 };
  const growing = (mibPerMinute: number): Sample[] =>
    Array.from({ length: 61 }, (_, minute) => {
      return { ...rest, atSeconds: minute * 60, rssBytes: (100 + minute * mibPerMinute) * 1024 * 1024 };
    });
  const counts = new Map(
    ['get 200', 'upload 200', 'chunked-upload 200', 'chunked 200', 'slow-reader 200', 'websocket echoed'].map(
      (what) => [what, 1],
    ),
  );
  const base = {
    workers: 1,
    samples: growing(0.5),
    atStart: rest,
    atEnd: rest,
    counts,
    reloaded: 1,
    applied: 2,
    refused: 0,
    killed: 1,
  };
  assert.deepEqual(judge(base).problems, []);
  assert.match(judge({ ...base, samples: growing(1) }).problems.join(), /memory grows by 1\.00 MiB a minute/);
  assert.match(judge({ ...base, atEnd: { ...rest, inFlight: 1 } }).problems.join(), /still counted in flight/);
  assert.match(judge({ ...base, atEnd: { ...rest, sockets: 20 } }).problems.join(), /20 sockets at the end/);
  assert.match(judge({ ...base, atEnd: { ...rest, clients: 2 } }).problems.join(), /client connections/);
  const bad = new Map([...counts, ['upload WRONG body of 3 bytes', 1], ['get 502', 2]] as const);
  assert.equal(judge({ ...base, counts: bad }).problems.length, 2);
  assert.equal(
    slopePerMinute([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
    2,
  );
});
