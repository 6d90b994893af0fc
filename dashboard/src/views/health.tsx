// Owns the timeline of health: lanes of the endpoints that changed last, and every change with its evidence.

import { useEffect, useState } from 'preact/hooks';
import type { HealthChange } from '../../../src/runtime/facade.ts';
import { clockTime, count, fullTime } from '../format.ts';
import { Empty } from '../parts/empty.tsx';
import { Lanes } from '../parts/lanes.tsx';
import { StateMark } from '../parts/state.tsx';
import { TimeAgo } from '../parts/time-ago.tsx';
import { endpointLink, linkTo, nameOf } from '../router.ts';
import { loadTimeline, rows, timeline } from '../store.ts';

const PAGE = 100;
const CAUSES = ['all', 'probe', 'passive', 'operator', 'breaker', 'config'] as const;

export function HealthView() {
  const [text, setText] = useState('');
  const [cause, setCause] = useState<string>('all');
  const [most, setMost] = useState(PAGE);
  useEffect(() => {
    loadTimeline().catch(() => undefined);
  }, []);
  const all = timeline.value;
  const wanted = text.trim().toLowerCase();
  const found = all.filter((change) => {
    // What came with a configuration is no news.
    if (cause === 'all' ? change.from === 'absent' : change.cause !== cause) return false;
    return wanted === '' || `${change.id} ${change.to} ${change.evidence}`.toLowerCase().includes(wanted);
  });
  return (
    <>
      <h1>Health</h1>
      <Lanes changes={all} />
      <div class="tools">
        <label class="search">
          <span class="aside">Search changes by endpoint, state or evidence</span>
          <input
            type="search"
            placeholder="Search  /"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <fieldset class="choices">
          <legend class="aside">Causes</legend>
          {CAUSES.map((one) => (
            <button key={one} type="button" aria-pressed={cause === one} onClick={() => setCause(one)}>
              {one}
            </button>
          ))}
        </fieldset>
      </div>
      {found.length === 0 ? (
        <Empty title={all.length === 0 ? 'Nothing has changed yet' : 'No change matches'}>
          {all.length === 0
            ? 'Every change of an endpoint’s state will stand here, with its evidence.'
            : 'Look for less.'}
        </Empty>
      ) : (
        <ol class="timeline">
          {found.slice(0, most).map((change) => (
            <Change key={`${change.at} ${change.id} ${change.to} ${change.evidence}`} change={change} />
          ))}
        </ol>
      )}
      {found.length > most && (
        <button type="button" onClick={() => setMost(most + 5 * PAGE)}>
          {count(found.length - most, 'older change')}
        </button>
      )}
    </>
  );
}

function Change({ change }: { readonly change: HealthChange }) {
  const { at, id, pool, from, to, cause, evidence } = change;
  return (
    <li data-row>
      <span class="when" title={fullTime(at)}>
        {clockTime(at)}{' '}
        <small>
          <TimeAgo at={at} />
        </small>
      </span>
      <StateMark state={to} />
      <span class="what">
        <a href={rows.endpoints.has(id) ? endpointLink(id) : linkTo('pools', pool)}>{nameOf(id)}</a>{' '}
        <span class="quiet">
          {from === to ? 'stays' : `was ${from}`} · by {cause}
        </span>
        <span class="evidence">{evidence}</span>
      </span>
    </li>
  );
}
