// Owns the questions about whole sites and about splits.

import { useState } from 'preact/hooks';
import { site as changeSite, resetSplit, setSplit } from '../actions.ts';
import { percent } from '../format.ts';
import { status } from '../store.ts';
import { DialogBox, NoteField } from './dialog.tsx';

export function SiteDialog({ site, to }: { readonly site: string; readonly to: 'drain' | 'ready' }) {
  const [note, setNote] = useState('');
  return (
    <DialogBox
      title={to === 'drain' ? `Drain the site ${site}?` : `Use the site ${site} again?`}
      verb={to === 'drain' ? 'Drain the site' : 'Use it again'}
      danger={to === 'drain'}
      act={() => changeSite(site, to, note.trim())}
    >
      <p>
        {to === 'drain'
          ? 'It leaves DNS answers at once. Its endpoints drain when the answers that clients have kept run out.'
          : 'It is in DNS answers again, and its endpoints take work.'}
      </p>
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}

export function SplitDialog({ split }: { readonly split: string }) {
  const found = status.value?.splits.find(({ name }) => name === split);
  const variants = found?.variants ?? [];
  const [weights, setWeights] = useState<Readonly<Record<string, string>>>(() =>
    Object.fromEntries(variants.map(({ name, share }) => [name, String(Number((share * 100).toFixed(1)))])),
  );
  const [note, setNote] = useState('');
  const all = Object.values(weights).reduce((sum, weight) => sum + (Number(weight) || 0), 0);
  const numbers = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, Number(weight)]));
  const [back, setBack] = useState(false);
  return (
    <DialogBox
      title={`Weights of ${split}`}
      verb={back ? 'As configured' : 'Change weights'}
      act={() => (back ? resetSplit(split, note.trim()) : setSplit(split, numbers, note.trim()))}
    >
      {found?.rollout?.phase === 'running' && <p class="warn">A rollout is running; it stops.</p>}
      {variants.map(({ name }) => (
        <label class="field" key={name}>
          <span>
            {name} <small>{all > 0 ? percent(Number(weights[name]) / all) : ''} of clients</small>
          </span>
          <input
            type="number"
            min="0"
            step="any"
            disabled={back}
            value={weights[name]}
            onInput={(event) => setWeights({ ...weights, [name]: event.currentTarget.value })}
          />
        </label>
      ))}
      <label class="check">
        <input type="checkbox" checked={back} onChange={(event) => setBack(event.currentTarget.checked)} /> back to the
        configured weights
      </label>
      <NoteField value={note} onInput={setNote} />
    </DialogBox>
  );
}
