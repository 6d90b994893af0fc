// Owns a question to the operator: what will happen in words, fields, and two buttons. The browser's own modal dialog, which keeps
// the focus inside, closes with Escape, and gives the focus back.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { dialog, explainError } from '../actions.ts';

interface Props {
  readonly title: string;
  readonly children: ComponentChildren;
  /** What the button says; undefined: there is nothing to confirm. */
  readonly verb?: string;
  readonly danger?: boolean;
  readonly act?: () => Promise<void>;
  readonly wide?: boolean;
}

export function DialogBox({ title, children, verb, danger = false, act, wide = false }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const { current } = box;
    const before = document.activeElement;
    current?.showModal();
    return () => {
      current?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const close = (): void => {
    dialog.value = undefined;
  };
  const confirm = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (act === undefined) return close();
    setBusy(true);
    setError('');
    try {
      await act();
      close();
    } catch (failed) {
      setError(explainError(failed));
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog ref={box} class={wide ? 'wide' : ''} aria-labelledby="dialog-title" onClose={close}>
      <form onSubmit={(event) => void confirm(event)}>
        <h2 id="dialog-title">{title}</h2>
        {children}
        {error !== '' && (
          <p class="field-error" role="alert">
            {error}
          </p>
        )}
        <div class="buttons">
          {verb !== undefined && (
            <button type="submit" class={danger ? 'primary danger' : 'primary'} disabled={busy}>
              {busy ? 'One moment…' : verb}
            </button>
          )}
          <button type="button" onClick={close}>
            {verb === undefined ? 'Close' : 'Cancel'}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** Why, for the audit log. */
export function NoteField({ value, onInput }: { readonly value: string; readonly onInput: (text: string) => void }) {
  return (
    <label class="field">
      <span>
        Why <small>kept as evidence and in the audit log</small>
      </span>
      <input
        type="text"
        maxLength={200}
        value={value}
        placeholder="such as: rolling out 4.2"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}
