// Owns the question before a drain: what runs there, who takes over, and what becomes of sessions.

import { useState } from 'preact/hooks';
import type { Running } from '../../../src/runtime/facade.ts';
import { drain } from '../actions.ts';
import { ask, endpointPath } from '../api.ts';
import { rows, tick } from '../store.ts';
import { consequencesOf } from './consequences.ts';
import { DialogBox, NoteField } from './dialog.tsx';
import { useLoaded } from './loaded.ts';

const DEADLINES = [
  [0, 'never; they end by themselves'],
  [60_000, 'after 1 minute'],
  [300_000, 'after 5 minutes'],
  [900_000, 'after 15 minutes'],
  [3_600_000, 'after 1 hour'],
] as const;

export function useRunning(id: string): Running | undefined {
  const { value } = useLoaded(`running ${id}`, () => ask<{ running?: Running }>(endpointPath(id)), { everyMs: 2000 });
  return value?.running;
}

export function DrainDialog({ id }: { readonly id: string }) {
  void tick.value;
  const [deadline, setDeadline] = useState(0);
  const [note, setNote] = useState('');
  const running = useRunning(id);
  const row = rows.endpoints.get(id);
  const pool = row && rows.pools.get(row.pool);
  if (row === undefined || pool === undefined)
    return <DialogBox title={`${id} is gone`}>It was removed meanwhile.</DialogBox>;
  const words = consequencesOf(row, pool, running);
  return (
    <DialogBox
      title={`Drain ${row.address}?`}
      verb="Drain"
      danger={words.isLast}
      act={() => drain(id, running?.sessions === undefined ? 0 : deadline, note.trim())}
    >
      <p>
        It takes no new work from now on. {words.running}. What runs may finish, nothing is cut.{' '}
        <span class={words.isLast ? 'bad' : ''}>{words.others}</span>
      </p>
      {running?.sessions !== undefined && (
        <label class="field">
          <span>
            Move pinned sessions <small>until then they may come back</small>
          </span>
          <select value={deadline} onChange={(event) => setDeadline(Number(event.currentTarget.value))}>
            {DEADLINES.map(([ms, text]) => (
              <option key={ms} value={ms}>
                {text}
              </option>
            ))}
          </select>
        </label>
      )}
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}
