// Owns the list of keys.

import { DialogBox } from './dialog.tsx';
import { KEYS } from './keys.ts';

export function HelpDialog() {
  return (
    <DialogBox title="Keys">
      <dl class="keys">
        {KEYS.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </DialogBox>
  );
}
