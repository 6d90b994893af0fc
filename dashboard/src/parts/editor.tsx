// Owns the field in which a configuration is written: numbered lines, marks beside those that are wrong.

import type { Issue } from '../api.ts';

interface Props {
  readonly text: string;
  readonly onInput: (text: string) => void;
  readonly issues: readonly Issue[];
}

const LEAST_ROWS = 18;

export function Editor({ text, onInput, issues }: Props) {
  const lines = text.split('\n').length;
  const wrong = new Map(issues.map(({ line = 0, message }) => [line, message]));
  return (
    <div class="editor">
      <div class="gutter" aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => (
          <span key={i} class={wrong.has(i + 1) ? 'is-wrong' : ''} title={wrong.get(i + 1)}>
            {i + 1}
          </span>
        ))}
      </div>
      <textarea
        aria-label="The configuration"
        spellcheck={false}
        autocomplete="off"
        wrap="off"
        rows={Math.max(LEAST_ROWS, lines + 1)}
        value={text}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </div>
  );
}
