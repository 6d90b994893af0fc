// Owns the other questions about an endpoint: maintenance, ready, weight, removal, taking back, adding.

import { useState } from 'preact/hooks';
import { add, remove, setMode, setWeight, takeBack } from '../actions.ts';
import { percent } from '../format.ts';
import { changes, rows, tick } from '../store.ts';
import { consequencesOf } from './consequences.ts';
import { DialogBox, NoteField } from './dialog.tsx';
import { useRunning } from './drain-dialog.tsx';

const nameOf = (id: string): string => id.slice(id.indexOf('/') + 1);

export function ModeDialog({ id, mode }: { readonly id: string; readonly mode: 'maintenance' | 'ready' }) {
  void tick.value;
  const [note, setNote] = useState('');
  const running = useRunning(id);
  const row = rows.endpoints.get(id);
  const pool = row && rows.pools.get(row.pool);
  const words = row && pool && consequencesOf(row, pool, running);
  const isOut = mode === 'maintenance';
  const checked = row?.report.active.enabled === true;
  return (
    <DialogBox
      title={isOut ? `Put ${nameOf(id)} into maintenance?` : `Make ${nameOf(id)} ready?`}
      verb={isOut ? 'Maintenance' : 'Make ready'}
      danger={isOut && words?.isLast === true}
      act={() => setMode(id, mode, note.trim())}
    >
      {isOut ? (
        <p>
          It is out of use at once, whatever its checks say, and pinned sessions move to others. {words?.running}.
          Requests that run may finish. <span class={words?.isLast === true ? 'bad' : ''}>{words?.others}</span>
        </p>
      ) : (
        <p>
          {checked ? 'Its checks decide again: if they pass, it' : 'It'} gets its share of new work from now on. A drain
          under way ends.
        </p>
      )}
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}

export function WeightDialog({ id }: { readonly id: string }) {
  const row = rows.endpoints.get(id);
  const [weight, setNumber] = useState(String(row?.weight ?? 1));
  const [note, setNote] = useState('');
  const number = Number(weight);
  const others = (row === undefined ? [] : rows.pools.get(row.pool)!.endpoints)
    .filter((one) => one !== row && one.serves)
    .reduce((sum, one) => sum + one.weight, 0);
  const share = Number.isFinite(number) && number + others > 0 ? number / (number + others) : 0;
  return (
    <DialogBox title={`Weight of ${nameOf(id)}`} verb="Change weight" act={() => setWeight(id, number, note.trim())}>
      <label class="field">
        <span>
          Weight <small>now {row?.weight}; 0 takes it out of use</small>
        </span>
        <input
          type="number"
          min="0"
          step="any"
          required
          value={weight}
          onInput={(event) => setNumber(event.currentTarget.value)}
        />
      </label>
      <p>By weights it would have {percent(share)} of what the pool's serving endpoints get.</p>
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}

export function RemoveDialog({ id }: { readonly id: string }) {
  const [note, setNote] = useState('');
  const row = rows.endpoints.get(id);
  const pool = row && rows.pools.get(row.pool);
  const words = row && pool && consequencesOf(row, pool, undefined);
  return (
    <DialogBox title={`Remove ${nameOf(id)}?`} verb="Remove" danger act={() => remove(id, note.trim())}>
      <p>
        It leaves the pool until somebody takes that back. {words?.running}. What runs may finish.{' '}
        <span class={words?.isLast === true ? 'bad' : ''}>{words?.others}</span>
      </p>
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}

export function TakeBackDialog({ id }: { readonly id: string }) {
  const [note, setNote] = useState('');
  const all = changes.value?.changes.filter(({ what }) => what === id) ?? [];
  return (
    <DialogBox title={`Take back what was said about ${id}?`} verb="Take back" act={() => takeBack(id, note.trim())}>
      <p>
        It is as the configuration or discovery has it again. Taken back: {all.map(({ change }) => change).join(', ')}.
      </p>
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}

export function AddDialog({ pool }: { readonly pool: string }) {
  const [address, setAddress] = useState('');
  const [weight, setNumber] = useState('1');
  const [note, setNote] = useState('');
  return (
    <DialogBox
      title={`Add an endpoint to ${pool}`}
      verb="Add"
      act={() => add(pool, address.trim(), Number(weight), note.trim())}
    >
      <label class="field">
        <span>Address</span>
        <input
          type="text"
          required
          placeholder="10.0.1.9:8080"
          value={address}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Weight</span>
        <input
          type="number"
          min="0"
          step="any"
          value={weight}
          onInput={(event) => setNumber(event.currentTarget.value)}
        />
      </label>
      <p>It gets work as soon as the pool's checks pass.</p>
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}
