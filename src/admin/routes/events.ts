// Owns the event stream (Server-Sent Events): the structure of the balancer once, then every second what changed in its numbers, and
// at once what happened: health, configurations, changes by operators. Whoever reads slowly misses numbers, never events.

import { streamSSE } from 'hono/streaming';
import type { BalancerEvent } from '../../runtime/facade.ts';
import { type AdminApp, type AdminParts, refuse } from '../context.ts';
import type { LiveSample } from '../live.ts';
import { TickRows } from '../tick-rows.ts';

const MOST_STREAMS = 64;
/** Events that wait for a slow reader; beyond, he is cut off and comes back. */
const MOST_WAITING = 2000;
const BEAT_MS = 15_000;

interface Message {
  readonly event: string;
  readonly data: unknown;
}

export function addEventRoutes(app: AdminApp, parts: AdminParts): void {
  const { balancer, live, audit } = parts;
  let open = 0;
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/api/v1/events',
    summary: 'What happens, as Server-Sent Events: structure, tick, health, config, changes, audit',
    responses: { 200: { description: 'a stream', content: { 'text/event-stream': {} } } },
  });
  app.get('/api/v1/events', (c) => {
    // Nobody would read the body, nor end it.
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' });
    if (open >= MOST_STREAMS) return refuse(c, 503, 'too many are listening already');
    open++;
    return streamSSE(c, async (stream) => {
      const queue: Message[] = [];
      const rows = new TickRows();
      let wake: (() => void) | undefined;
      let ended = false;
      const push = (event: string, data: unknown): void => {
        if (queue.length >= MOST_WAITING) return cut();
        queue.push({ event, data });
        wake?.();
      };
      /** He reads so slowly that he has to come back. */
      const cut = (): void => {
        ended = true;
        queue.length = 0;
        stream.abort();
      };
      const end = (): void => {
        ended = true;
        wake?.();
      };
      const tick = (sample: LiveSample): void => {
        // Numbers of a second ago help nobody.
        if (!queue.some(({ event }) => event === 'tick')) push('tick', rows.of(sample));
      };
      /** Told when it is sent, and once for all changes that came before. */
      const structure = (): void => {
        if (!queue.some(({ event }) => event === 'structure')) push('structure', undefined);
      };
      const happened = (event: BalancerEvent): void => {
        if (event.kind === 'health') push('health', event.change);
        else if (event.kind === 'changes') push('changes', balancer.operations.changes());
        else {
          push('config', { version: event.version, plan: event.plan.entries.slice(0, 200) });
          structure();
        }
      };
      const stops = [
        balancer.subscribe(happened),
        live.subscribe(tick),
        audit.subscribe((entry) => push('audit', entry)),
      ];
      const beat = setInterval(() => push('beat', {}), BEAT_MS);
      stream.onAbort(end);
      try {
        structure();
        while (!ended) {
          const message = queue.shift();
          if (message === undefined) await new Promise<void>((resolve) => (wake = resolve));
          else if (message.event === 'structure') {
            rows.forget();
            await stream.writeSSE({ event: 'structure', data: JSON.stringify(await balancer.status()) });
            if (live.latest !== undefined) tick(live.latest);
          } else await stream.writeSSE({ event: message.event, data: JSON.stringify(message.data) });
        }
      } finally {
        clearInterval(beat);
        for (const stop of stops) stop();
        open--;
      }
    });
  });
}
