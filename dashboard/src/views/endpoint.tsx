// Owns one endpoint: how it is and why, what runs there, what may be done about it.

import { useEffect, useRef } from 'preact/hooks';
import type { EndpointReport, HealthChange, Running } from '../../../src/runtime/facade.ts';
import { dialog } from '../actions.ts';
import { ask, endpointPath } from '../api.ts';
import { slowWords } from '../attention.ts';
import { clockTime, count, fullTime, ms, percent, rate, span } from '../format.ts';
import { useLoaded } from '../parts/loaded.ts';
import { Spark } from '../parts/spark.tsx';
import { StateMark } from '../parts/state.tsx';
import { TimeAgo } from '../parts/time-ago.tsx';
import { linkTo } from '../router.ts';
import type { EndpointRow } from '../rows.ts';
import { changes, clock, mayOperate, rows, tick, timeline } from '../store.ts';

type Known = EndpointReport & { readonly running?: Running };
const LOOK_MS = 3000;
const MOST_CHANGES = 12;

export function EndpointPanel({ id }: { readonly id: string }) {
  void tick.value;
  const row = rows.endpoints.get(id);
  const { value } = useLoaded(id, () => ask<Known>(endpointPath(id)), { everyMs: LOOK_MS });
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    head.current?.focus({ preventScroll: innerWidth > 900 });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const pool = id.slice(0, id.indexOf('/'));
  if (row === undefined)
    return (
      <aside class="panel" aria-label={id}>
        <PanelHead pool={pool} title={id.slice(pool.length + 1)} head={head} />
        <p>There is no such endpoint any more.</p>
      </aside>
    );
  return (
    <aside class="panel" data-id={id} aria-label={`Endpoint ${id}`}>
      <PanelHead pool={pool} title={row.address} head={head} />
      <p class="panel-state">
        <StateMark state={row.state} />{' '}
        <span class="quiet">
          since <Since at={row.since} />
        </span>
        {row.slow > 0 && <span class="warn"> Slow: {slowWords(row)}.</span>}
      </p>
      {mayOperate.value && <Actions row={row} />}
      <Numbers row={row} running={value?.running} />
      {value !== undefined && <Checks report={value} />}
      <Story id={id} />
    </aside>
  );
}

function PanelHead({
  pool,
  title,
  head,
}: {
  readonly pool: string;
  readonly title: string;
  readonly head: { current: HTMLHeadingElement | null };
}) {
  return (
    <div class="panel-head">
      <h2 ref={head} tabIndex={-1}>
        {title}
      </h2>
      <a href={linkTo('pools', pool)} data-close class="close" aria-label="Close the endpoint">
        ✕
      </a>
    </div>
  );
}

function Actions({ row }: { readonly row: EndpointRow }) {
  const { id, state } = row;
  const isOut = state === 'draining' || state === 'maintenance';
  const isChanged = changes.value?.changes.some(({ what }) => what === id) === true;
  const open = (kind: 'drain' | 'maintenance' | 'ready' | 'weight' | 'remove' | 'take-back') => () => {
    dialog.value = { kind, id };
  };
  return (
    <div class="buttons">
      {isOut && (
        <button type="button" class="primary" onClick={open('ready')}>
          Make ready
        </button>
      )}
      {state !== 'draining' && (
        <button type="button" onClick={open('drain')}>
          Drain…
        </button>
      )}
      {state !== 'maintenance' && (
        <button type="button" onClick={open('maintenance')}>
          Maintenance…
        </button>
      )}
      <button type="button" onClick={open('weight')}>
        Weight…
      </button>
      {isChanged && (
        <button type="button" onClick={open('take-back')}>
          Take back…
        </button>
      )}
      <button type="button" onClick={open('remove')}>
        Remove…
      </button>
    </div>
  );
}

function Numbers({ row, running }: { readonly row: EndpointRow; readonly running: Running | undefined }) {
  const sessions = running?.sessions;
  return (
    <dl class="numbers">
      <div>
        <dt>Share</dt>
        <dd>{percent(row.smoothShare)}</dd>
      </div>
      <div>
        <dt>Requests/s</dt>
        <dd>
          {rate(row.smoothRate)} <Spark of={row.rates} points={120} width={90} />
        </dd>
      </div>
      <div>
        <dt>In flight</dt>
        <dd>
          {row.inFlight}
          {row.streams > 0 && <small> {count(row.streams, 'WebSocket')}</small>}
        </dd>
      </div>
      <div>
        <dt>p95</dt>
        <dd>
          {Number.isNaN(row.pace) ? '–' : ms(row.pace)} <Spark of={row.p95s} points={120} width={90} />
        </dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>{ms(row.p50)}</dd>
      </div>
      <div>
        <dt>Errors</dt>
        <dd class={row.errors > 0 ? 'bad' : ''}>{percent(row.errors)}</dd>
      </div>
      <div>
        <dt>Weight</dt>
        <dd>{row.weight}</dd>
      </div>
      {sessions !== undefined && (
        <div>
          <dt>Pinned sessions</dt>
          <dd>{sessions}</dd>
        </div>
      )}
    </dl>
  );
}

function Checks({ report }: { readonly report: Known }) {
  const { active, passive, flaps, override, origin } = report;
  return (
    <section class="checks">
      <h3>Why</h3>
      <ul>
        {override.mode !== 'ready' && (
          <li>
            An operator said <b>{override.mode}</b> <TimeAgo at={override.at} />
            {override.note !== '' && `: ${override.note}`}
          </li>
        )}
        {active.enabled ? (
          <li>
            Checks say <b>{active.verdict}</b>,{' '}
            {active.passes > 0 ? `${active.passes} good in a row` : `${active.failures} bad in a row`}
            {active.last !== undefined && (
              <span class="evidence">
                {active.last.evidence} <TimeAgo at={active.last.at} />
              </span>
            )}
          </li>
        ) : (
          <li>It is not checked; only traffic tells how it is.</li>
        )}
        {passive.enabled && (
          <li>
            Traffic: <b>{passive.phase === 'closed' ? 'no reason to eject it' : passive.phase}</b>,{' '}
            {count(passive.failuresInWindow, 'failure')} lately
            {passive.ejectedUntil !== undefined && (
              <>
                , until <TimeAgo at={passive.ejectedUntil} />
              </>
            )}
          </li>
        )}
        <li>
          Went out of service {count(flaps, 'time')} by itself. It comes from{' '}
          {origin === 'config' ? 'the configuration' : origin === 'operator' ? 'an operator' : origin}.
        </li>
      </ul>
    </section>
  );
}

function Story({ id }: { readonly id: string }) {
  const { value } = useLoaded(
    id,
    () => ask<HealthChange[]>(`/api/v1/timeline?limit=${MOST_CHANGES}&endpoint=${encodeURIComponent(id)}`),
    { revision: timeline.value.find((change) => change.id === id)?.at },
  );
  if (value === undefined || value.length === 0) return null;
  return (
    <section>
      <h3>Lately</h3>
      <ol class="story">
        {value.map(({ at, from, to, cause, evidence }) => (
          <li key={`${at} ${to}`}>
            <StateMark state={to} /> <TimeAgo at={at} />{' '}
            <span class="quiet">
              {from === to ? 'stays' : `was ${from}`} · by {cause}
            </span>
            <span class="evidence">{evidence}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Since({ at }: { readonly at: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {clockTime(at)}, {span(clock.value - at)}
    </time>
  );
}
