// Owns a moment as people say it, with the exact time at hand.

import { fullTime, span } from '../format.ts';
import { clock } from '../store.ts';

export function TimeAgo({ at }: { readonly at: number }) {
  if (at === 0) return <span>never</span>;
  const age = clock.value - at;
  return (
    <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {age < 5000 ? 'just now' : `${span(age)} ago`}
    </time>
  );
}
