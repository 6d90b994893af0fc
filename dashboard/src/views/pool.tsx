// Owns one pool: its numbers as charts, its endpoints as a table, and the one that is open beside them.

import { useEffect, useState } from 'preact/hooks';
import type { AlignedData } from 'uplot';
import { dialog } from '../actions.ts';
import { count, ms, percent, rate } from '../format.ts';
import type { SortKey, StateFilter } from '../order.ts';
import { Chart } from '../parts/chart.tsx';
import { Empty } from '../parts/empty.tsx';
import { EndpointTable } from '../parts/endpoint-table.tsx';
import type { PastColumns, PoolRow } from '../rows.ts';
import { loadPast, mayOperate, rows, status, tick } from '../store.ts';
import { EndpointPanel } from './endpoint.tsx';

const MODES: Readonly<Record<string, string>> = {
  'fallback-tier': 'Backup endpoints serve: nobody of the first tier can.',
  panic: 'So many endpoints are down that all of them are used, whatever their checks say.',
  empty: 'Nobody serves: clients get errors.',
};

export function PoolView({ name, address }: { readonly name: string; readonly address: string | undefined }) {
  void tick.value;
  const pool = rows.pools.get(name);
  const isThere = pool !== undefined;
  useEffect(() => {
    if (isThere) void loadPast(name);
  }, [name, isThere]);
  if (pool === undefined)
    return (
      <Empty title={`There is no pool “${name}”`}>
        It may have been removed from the configuration. <a href="#/">All pools</a>
      </Empty>
    );
  return (
    <>
      <header class="view-head">
        <h1>{name}</h1>
        <p class="quiet">
          {pool.report.balance} · {count(pool.endpoints.length, 'endpoint')} · {count(pool.inFlight, 'request')} in
          flight
          <Sources name={name} />
        </p>
      </header>
      {MODES[pool.mode] !== undefined && (
        <div class={`notice ${pool.mode === 'empty' ? 'notice-bad' : 'notice-warn'}`}>
          <p>{MODES[pool.mode]}</p>
        </div>
      )}
      <Charts pool={pool} />
      <div class={address === undefined ? 'beside' : 'beside has-panel'}>
        <Endpoints pool={pool} open={address} />
        {address !== undefined && <EndpointPanel id={`${name}/${address}`} key={address} />}
      </div>
    </>
  );
}

function Sources({ name }: { readonly name: string }) {
  const found = status.value?.discovery.filter(({ pool }) => pool === name) ?? [];
  return (
    <>
      {found.map(({ kind, where, state, endpoints, lastError }) => (
        <span key={kind + where} title={lastError ?? where}>
          {' '}
          · {endpoints} found by {kind}
          {state !== 'ok' && <b class="warn"> ({state === 'stale' ? 'stale: the source fails' : state})</b>}
        </span>
      ))}
    </>
  );
}

function columns(past: PastColumns, ...keys: ('rate' | 'errors' | 'p50' | 'p95' | 'p99')[]): AlignedData {
  return [past.at.map((at) => at / 1000), ...keys.map((key) => past[key].slice())] as unknown as AlignedData;
}

function Charts({ pool }: { readonly pool: PoolRow }) {
  const { past } = pool;
  // Columns are the same arrays for ever; `tick` says that they have grown.
  const read = (...keys: Parameters<typeof columns>[1][]) => {
    return (): AlignedData => {
      void tick.value;
      return columns(past, ...keys);
    };
  };
  return (
    <div class="charts">
      <Chart
        title="Requests a second"
        lines={[{ label: '', color: 'accent', fill: true }]}
        now={[rate(pool.rate)]}
        format={rate}
        data={read('rate')}
        least={1}
      />
      <Chart
        title="Response time"
        lines={[
          { label: 'p50', color: 'accent' },
          { label: 'p95', color: 'warn' },
          { label: 'p99', color: 'bad' },
        ]}
        now={[ms(pool.p50), ms(pool.p95), ms(pool.p99)]}
        format={(value) => (value === 0 ? '0' : ms(value))}
        data={read('p50', 'p95', 'p99')}
        least={5}
      />
      <Chart
        title="Errors"
        lines={[{ label: '', color: 'bad', fill: true }]}
        now={[percent(pool.errors)]}
        format={percent}
        data={read('errors')}
        least={0.01}
      />
    </div>
  );
}

const FILTERS: readonly (readonly [filter: StateFilter, title: string])[] = [
  ['all', 'All'],
  ['serving', 'Serving'],
  ['out', 'Not serving'],
  ['slow', 'Slow'],
  ['draining', 'Draining'],
];

function Endpoints({ pool, open }: { readonly pool: PoolRow; readonly open: string | undefined }) {
  const [text, setText] = useState('');
  const [filter, setFilter] = useState<StateFilter>('all');
  const [sort, setSort] = useState<SortKey>('slowest');
  return (
    <section class="endpoints-part" aria-labelledby="endpoints-title">
      <div class="tools">
        <h2 id="endpoints-title">Endpoints</h2>
        <label class="search">
          <span class="aside">Search endpoints by address, state or zone</span>
          <input
            type="search"
            placeholder="Search  /"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <fieldset class="choices">
          <legend class="aside">States</legend>
          {FILTERS.map(([key, title]) => (
            <button key={key} type="button" aria-pressed={filter === key} onClick={() => setFilter(key)}>
              {title} <small>{countOf(pool, key)}</small>
            </button>
          ))}
        </fieldset>
        {mayOperate.value && (
          <button type="button" class="tools-end" onClick={() => (dialog.value = { kind: 'add', pool: pool.name })}>
            Add…
          </button>
        )}
      </div>
      <EndpointTable
        pool={pool}
        open={open}
        text={text.trim().toLowerCase()}
        filter={filter}
        sort={sort}
        onSort={setSort}
      />
    </section>
  );
}

function countOf({ endpoints }: PoolRow, filter: StateFilter): number {
  if (filter === 'all') return endpoints.length;
  let n = 0;
  for (const { serves, slow, state } of endpoints) {
    if (
      filter === 'serving' ? serves : filter === 'out' ? !serves : filter === 'slow' ? slow > 0 : state === 'draining'
    )
      n++;
  }
  return n;
}
