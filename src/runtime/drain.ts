// Owns the end of all work: nothing new is taken, requests get their time, streams theirs, and what is left is cut and
// counted.

import type { DrainConfig } from '../config/types.ts';
import type { Clock } from '../core/env.ts';
import type { StopReport } from './facade.ts';
import type { Fleet } from './fleet.ts';
import type { KernelListeners } from './kernel-listeners.ts';

const POLL_MS = 50;

export async function drainFleet(
  fleet: Fleet,
  kernel: KernelListeners,
  { requestsMs, streamsMs }: DrainConfig,
  clock: Clock,
): Promise<StopReport> {
  const began = clock.now();
  await fleet.drain();
  await kernel.drain();
  let cutRequests = 0;
  for (;;) {
    const { requests, streams } = await fleet.open();
    const waited = clock.now() - began;
    const waitsForRequests = requests > 0 && waited < requestsMs;
    const waitsForStreams = (streams > 0 || kernel.busy) && waited < streamsMs;
    if (!waitsForRequests && !waitsForStreams) break;
    if (requests > 0 && !waitsForRequests) {
      // Streams have longer; requests do not.
      cutRequests += requests;
      await fleet.cutRequests();
    }
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
  const left = await fleet.cut();
  await kernel.close();
  return { cutRequests: cutRequests + left.requests, cutStreams: left.streams, tookMs: clock.now() - began };
}
