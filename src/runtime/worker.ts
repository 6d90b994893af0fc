// Owns the body of a worker thread: one data plane, driven by messages from the main thread.

import { parentPort, workerData } from 'node:worker_threads';
import type { Purge } from '../http/cache/memory.ts';
import type { Question } from './explain/explanation.ts';
import type { Facts } from './facts.ts';
import type { CallName, FromWorker, ToWorker, WorkerData } from './link.ts';
import { realEnv } from './real-env.ts';
import { serve } from './serve.ts';
import type { Blueprint } from './snapshot.ts';

const port = parentPort!;
const { memory, worker } = workerData as WorkerData;
const send = (message: FromWorker): void => port.postMessage(message);

let signalled = false;
const plane = serve({
  env: realEnv(),
  memory,
  worker,
  onNotice: (notice, fields) => send({ notice, fields }),
  onSpans: (spans) => send({ spans }),
  // Many failures in one turn are one signal: the main thread reads the counters, not the messages.
  onSignal: () => {
    if (signalled) return;
    signalled = true;
    setImmediate(() => {
      signalled = false;
      send('signal');
    });
  },
});

const handlers: { readonly [N in CallName]: (argument: never) => unknown } = {
  prepare: (blueprint: Blueprint) => plane.prepare(blueprint),
  commit: () => plane.commit(),
  abort: () => plane.abort(),
  learn: (facts: Facts) => plane.learn(facts),
  drain: () => plane.drain(),
  open: () => plane.open(),
  cutRequests: () => plane.cutRequests(),
  cut: () => plane.cut(),
  port: (listener: string) => plane.port(listener),
  sockets: () => plane.sockets(),
  reopenLog: () => plane.reopenLog(),
  purge: (what: Purge) => plane.purge(what),
  explain: (question: Question) => plane.explain(question),
};

port.on('message', ({ id, call, argument }: ToWorker) => {
  const answer = handlers[call](argument as never);
  if (answer instanceof Promise) void answer.then((value: unknown) => send({ id, answer: value }));
  else send({ id, answer });
});
send('ready');
