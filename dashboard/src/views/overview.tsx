// Owns the first look: is everything well, what is not, every pool in a line, and how traffic runs.

import { useEffect } from 'preact/hooks';
import { type Matter, mattersOf } from '../attention.ts';
import { count, ms, percent, rate } from '../format.ts';
import { Empty } from '../parts/empty.tsx';
import { Flow } from '../parts/flow.tsx';
import { PastSpark } from '../parts/past-spark.tsx';
import { TimeAgo } from '../parts/time-ago.tsx';
import { linkTo, nameOf } from '../router.ts';
import type { PoolRow } from '../rows.ts';
import { loadPast, rows, status, tick, timeline } from '../store.ts';

const MOST_MATTERS = 8;
/** Those whose past is asked for. */
const WITH_PAST = 24;

export function Overview() {
  void tick.value;
  const pools = [...rows.pools.values()];
  const names = pools
    .slice(0, WITH_PAST)
    .map(({ name }) => name)
    .join('\n');
  useEffect(() => {
    for (const name of names.split('\n')) if (name !== '') void loadPast(name);
  }, [names]);
  return (
    <>
      <Summary pools={pools} />
      <Pools pools={pools} />
      <section aria-labelledby="flow-title">
        <h2 id="flow-title">Traffic</h2>
        <Flow most={4} />
      </section>
      <Newest />
    </>
  );
}

function Summary({ pools }: { readonly pools: readonly PoolRow[] }) {
  const matters = mattersOf(pools);
  const endpoints = pools.flatMap((pool) => pool.endpoints);
  const serving = endpoints.filter(({ serves }) => serves).length;
  const all = pools.reduce((sum, pool) => sum + pool.smoothRate, 0);
  return (
    <section class="summary" aria-labelledby="title">
      <h1 id="title">{titleOf(matters)}</h1>
      <p class="lead">
        {serving === endpoints.length
          ? `All ${count(endpoints.length, 'endpoint')} serve`
          : `${serving} of ${count(endpoints.length, 'endpoint')} serve`}
        {' · '}
        <b>{rate(all)}</b> requests a second · <Uptime />
      </p>
      {matters.length > 0 && (
        <ul class="matters">
          {matters.slice(0, MOST_MATTERS).map(({ kind, what, link, detail }) => (
            <li key={what + detail} class={`matter-${kind}`} data-row>
              <a href={link}>{what}</a> {detail}
            </li>
          ))}
          {matters.length > MOST_MATTERS && <li>and {matters.length - MOST_MATTERS} more</li>}
        </ul>
      )}
    </section>
  );
}

function titleOf(matters: readonly Matter[]): string {
  if (matters.length === 0) return 'All is well';
  const bad = matters.filter(({ kind }) => kind === 'bad').length;
  if (bad > 0) return bad === 1 ? 'One thing is wrong' : `${bad} things are wrong`;
  return matters.length === 1 ? 'One thing to look at' : `${matters.length} things to look at`;
}

function Uptime() {
  const { startedAt = 0 } = status.value ?? {};
  return (
    <>
      started <TimeAgo at={startedAt} />
    </>
  );
}

function Pools({ pools }: { readonly pools: readonly PoolRow[] }) {
  if (pools.length === 0)
    return (
      <Empty title="There are no pools">
        A pool is a set of endpoints that share traffic. Write one under <code>pools</code> in the{' '}
        <a href="#/config">configuration</a>.
      </Empty>
    );
  return (
    <section aria-labelledby="pools-title">
      <h2 id="pools-title">Pools</h2>
      <table class="pools">
        <thead>
          <tr>
            <th scope="col">Pool</th>
            <th scope="col">Endpoints</th>
            <th scope="col" class="number">
              Requests/s
            </th>
            <th scope="col" class="wide-only">
              <span class="aside">Requests, last five minutes</span>
            </th>
            <th scope="col" class="number">
              In flight
            </th>
            <th scope="col" class="number mid-only">
              p50
            </th>
            <th scope="col" class="number">
              p95
            </th>
            <th scope="col" class="wide-only">
              <span class="aside">p95, last five minutes</span>
            </th>
            <th scope="col" class="number">
              Errors
            </th>
          </tr>
        </thead>
        <tbody>
          {pools.map((pool) => (
            <PoolLine key={pool.name} pool={pool} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function PoolLine({ pool }: { readonly pool: PoolRow }) {
  const { name, endpoints, errors, inFlight, p50, p95, past, report } = pool;
  return (
    <tr data-row>
      <th scope="row">
        <a href={linkTo('pools', name)}>{name}</a> <small class="wide-only">{report.balance}</small>
      </th>
      <td>
        <StateBar pool={pool} />
        <span>{endpoints.length}</span>
      </td>
      <td class="number">{rate(pool.rate)}</td>
      <td class="wide-only">
        <PastSpark values={past.rate} />
      </td>
      <td class="number">{inFlight}</td>
      <td class="number mid-only">{ms(p50)}</td>
      <td class="number">{ms(p95)}</td>
      <td class="wide-only">
        <PastSpark values={past.p95} />
      </td>
      <td class={errors > 0 ? 'number bad' : 'number quiet'}>{percent(errors)}</td>
    </tr>
  );
}

/** How many are in which state, as one line. */
function StateBar({ pool }: { readonly pool: PoolRow }) {
  const counts = new Map<string, number>();
  for (const { state } of pool.endpoints) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].sort(([a], [b]) => (a === 'up' ? -1 : b === 'up' ? 1 : 0));
  const words = parts.map(([state, n]) => `${n} ${state}`).join(', ');
  return (
    <span class="state-bar" role="img" aria-label={words} title={words}>
      {parts.map(([state, n]) => (
        <i key={state} class={`fill-${state}`} style={{ flexGrow: n }} />
      ))}
    </span>
  );
}

function Newest() {
  const newest = timeline.value.filter(({ from }) => from !== 'absent').slice(0, 5);
  if (newest.length === 0) return null;
  return (
    <section aria-labelledby="newest-title">
      <h2 id="newest-title">
        Newest changes of health <a href="#/health">all</a>
      </h2>
      <ul class="newest">
        {newest.map(({ at, id, from, to, evidence }) => (
          <li key={`${at} ${id} ${to}`}>
            <TimeAgo at={at} /> <code>{nameOf(id)}</code> {from === to ? `still ${to}` : `${from} → ${to}`}
            <span class="quiet"> {evidence}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
