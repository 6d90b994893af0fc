// Owns drains under way, in every view: what still runs, how long it may take, and the way back.

import { signal } from '@preact/signals';
import type { DrainProgress } from '../../../src/runtime/facade.ts';
import { dialog } from '../actions.ts';
import { count, list, span } from '../format.ts';
import { endpointLink } from '../router.ts';
import { clock, drains, mayOperate, rows, tick } from '../store.ts';

/** Those that were put aside, by when they began. */
const dismissed = signal<ReadonlySet<string>>(new Set());
/** An ended drain is news for so long. */
const NEWS_MS = 10 * 60_000;
const MOST = 4;

const keyOf = ({ id, startedAt }: DrainProgress): string => `${id} ${startedAt}`;

export function DrainStrip() {
  void tick.value;
  const now = clock.value;
  const shown = drains.value.filter((drain) => {
    const { phase, startedAt, tookMs } = drain;
    if (phase === 'ended' || dismissed.value.has(keyOf(drain))) return false;
    if (phase !== 'empty') return true;
    // Somebody may have taken it back since.
    const state = rows.endpoints.get(drain.id)?.state;
    return (state === 'draining' || state === 'maintenance') && now - (startedAt + tookMs) < NEWS_MS;
  });
  if (shown.length === 0) return null;
  return (
    <section class="drains" aria-label="Drains">
      {shown.slice(-MOST).map((drain) => (
        <One key={keyOf(drain)} drain={drain} />
      ))}
      {shown.length > MOST && <p>and {count(shown.length - MOST, 'drain')} more</p>}
    </section>
  );
}

function One({ drain }: { readonly drain: DrainProgress }) {
  const { id, phase, began, inFlight } = drain;
  const most = Math.max(began, inFlight, 1);
  const done = phase === 'empty' ? 1 : 1 - inFlight / most;
  return (
    <div class={`drain drain-${phase}`}>
      <p>
        <a href={endpointLink(id)}>{id}</a> {phase === 'empty' ? <b>is empty</b> : 'drains'}
        <span class="drain-words"> · {wordsOf(drain)}</span>
      </p>
      <progress value={done} max={1} aria-label={`How far ${id} has drained`} />
      <div class="buttons">
        {mayOperate.value && (
          <button type="button" onClick={() => (dialog.value = { kind: 'ready', id })}>
            Take back
          </button>
        )}
        {phase === 'empty' && (
          <button
            type="button"
            class="plain"
            onClick={() => (dismissed.value = new Set([...dismissed.value, keyOf(drain)]))}
          >
            Dismiss
          </button>
        )}
      </div>
    </div>
  );
}

function wordsOf({ phase, began, inFlight, streams, sessions = 0, estimateMs, leftMs, tookMs }: DrainProgress): string {
  if (phase === 'empty') return `nothing runs there any more, after ${span(tookMs)}: it can be stopped`;
  const what = [
    count(inFlight - streams, 'request'),
    ...(streams > 0 ? [count(streams, 'WebSocket')] : []),
    ...(sessions > 0 ? [count(sessions, 'pinned session')] : []),
  ];
  const parts = [`${list(what)} left of ${began} that ran`];
  if (phase === 'late') parts.push('the deadline has passed; what runs is not cut');
  else if (estimateMs !== undefined && inFlight > 0) parts.push(`about ${span(estimateMs)} more`);
  if (leftMs !== undefined && phase === 'draining') parts.push(`sessions are moved in ${span(leftMs)}`);
  return parts.join(' · ');
}
