// Owns the filter `headers`: fields set, appended and removed, on the way to the endpoint and back.

import type { FieldChanges, HeadersSettings } from '../../config/types.ts';
import type { Variables } from '../../routing/template.ts';
import type { Filter, FilterKind } from '../filter.ts';
import type { HeadEdits } from '../head-edits.ts';
import { type Filling, fillingOf, readsHead } from './fill.ts';

interface Changes {
  readonly set: readonly (readonly [string, Filling])[];
  readonly append: readonly (readonly [string, Filling])[];
  readonly remove: readonly string[];
}

export const headers: FilterKind<HeadersSettings> = {
  name: 'headers',
  build({ request, response }): Filter {
    const there = changesOf(request);
    const back = changesOf(response);
    return {
      ...(there === undefined
        ? {}
        : {
            onRequest: (one) => {
              apply(there, one.edits, one);
              return undefined;
            },
          }),
      ...(back === undefined ? {} : { onResponse: (one, { edits }) => apply(back, edits, one) }),
      readsHeadLater: [...Object.values(response.set), ...Object.values(response.append)].some(readsHead),
    };
  },
};

function changesOf({ set, append, remove }: FieldChanges): Changes | undefined {
  const filled = (given: Readonly<Record<string, string>>): [string, Filling][] =>
    Object.entries(given).map(([name, text]) => [name, fillingOf(text)]);
  const changes = { set: filled(set), append: filled(append), remove };
  return changes.set.length + changes.append.length + remove.length === 0 ? undefined : changes;
}

function apply({ set, append, remove }: Changes, edits: HeadEdits, from: Variables): void {
  for (const name of remove) edits.remove(name);
  for (const [name, fill] of set) {
    const value = fill(from);
    // What turned out to be nothing is no field.
    if (value === '') edits.remove(name);
    else edits.set(name, value);
  }
  for (const [name, fill] of append) {
    const value = fill(from);
    if (value !== '') edits.append(name, value);
  }
}
