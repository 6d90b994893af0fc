// Owns the questions before a configuration comes into effect.

import { useState } from 'preact/hooks';
import { apply, type PlanLine, rollBack } from '../actions.ts';
import { count } from '../format.ts';
import { DialogBox, NoteField } from './dialog.tsx';
import { PlanList } from './plan.tsx';
import { TimeAgo } from './time-ago.tsx';

function SaveField({ value, onInput }: { readonly value: boolean; readonly onInput: (save: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(event) => onInput(event.currentTarget.checked)} /> write it to
      the file as well; otherwise a restart goes back
    </label>
  );
}

interface Apply {
  readonly text: string;
  readonly etag: string;
  readonly plan: readonly PlanLine[];
}

export function ApplyDialog({ text, etag, plan }: Apply) {
  const [save, setSave] = useState(true);
  const [note, setNote] = useState('');
  return (
    <DialogBox
      title="Apply this configuration?"
      verb="Apply"
      danger={plan.some(({ action }) => action === 'remove')}
      wide
      act={() => apply(text, etag, save, note.trim())}
    >
      <p>{count(plan.length, 'change')}, all at once or none. Requests that run do not notice.</p>
      <PlanList plan={plan} />
      <SaveField value={save} onInput={setSave} />
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}

interface Back {
  readonly version: number;
  readonly etag: string;
  readonly at: number;
}

export function RollBackDialog({ version, etag, at }: Back) {
  const [save, setSave] = useState(true);
  const [note, setNote] = useState('');
  return (
    <DialogBox
      title={`Roll back to version ${version}?`}
      verb="Roll back"
      act={() => rollBack(version, etag, save, note.trim())}
    >
      <p>
        The configuration of <TimeAgo at={at} /> comes into effect again as a whole, or not at all.
      </p>
      <SaveField value={save} onInput={setSave} />
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}
