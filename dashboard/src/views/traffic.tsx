// Owns where traffic comes in and which way it takes: the large picture, and the same as tables.

import { dialog } from '../actions.ts';
import { hostOf, percent, rate, span } from '../format.ts';
import { Empty } from '../parts/empty.tsx';
import { Flow } from '../parts/flow.tsx';
import { linkTo } from '../router.ts';
import { mayOperate, rows, status, tick } from '../store.ts';

export function TrafficView() {
  return (
    <>
      <h1>Traffic</h1>
      <Flow most={8} />
      <Routes />
      <Splits />
      <Listeners />
    </>
  );
}

function Routes() {
  void tick.value;
  if (rows.routes.length === 0) return <Empty title="There are no routes yet" />;
  return (
    <section aria-labelledby="routes-title">
      <h2 id="routes-title">Routes</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col">Listener</th>
            <th scope="col">Pools</th>
            <th scope="col" class="number">
              Requests/s
            </th>
            <th scope="col" class="number">
              Errors
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.routes.map(({ listener, name, pools, rate: perSecond, errors }) => (
            <tr key={`${listener}/${name}`}>
              <th scope="row">{name}</th>
              <td>{listener}</td>
              <td>
                {pools.length === 0 && <span class="quiet">answered here</span>}
                {[...new Set(pools)].map((pool, i) => (
                  <span key={pool}>
                    {i > 0 && ', '}
                    <a href={linkTo('pools', pool)}>{pool}</a>
                  </span>
                ))}
              </td>
              <td class="number">{rate(perSecond)}</td>
              <td class={`number ${errors > 0 ? 'bad' : 'quiet'}`}>{percent(errors)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Splits() {
  const { splits = [] } = status.value ?? {};
  if (splits.length === 0) return null;
  return (
    <section aria-labelledby="splits-title">
      <h2 id="splits-title">Splits</h2>
      {splits.map(({ name, variants, rollout }) => (
        <div class="split" key={name}>
          <p>
            <b>{name}</b>
            {rollout !== undefined && (
              <span class={rollout.phase === 'halted' ? 'bad' : 'quiet'}>
                {' '}
                · rollout to {rollout.to} {rollout.phase}, step {rollout.step + 1} for {span(rollout.forMs)}
                {rollout.reason !== '' && `: ${rollout.reason}`}
              </span>
            )}
          </p>
          <div class="split-bar" aria-hidden="true">
            {variants.map((variant, i) => (
              <i key={variant.name} class={`split-${i % 4}`} style={{ flexGrow: variant.share }} />
            ))}
          </div>
          <p>
            {variants.map((variant, i) => (
              <span class="split-part" key={variant.name}>
                <i class={`swatch split-${i % 4}`} /> {variant.name} <b>{percent(variant.share)}</b> to{' '}
                <a href={linkTo('pools', variant.pool)}>{variant.pool}</a>
              </span>
            ))}
          </p>
          {mayOperate.value && (
            <button type="button" onClick={() => (dialog.value = { kind: 'split', split: name })}>
              Change weights…
            </button>
          )}
        </div>
      ))}
    </section>
  );
}

function Listeners() {
  void tick.value;
  const { listeners = [] } = status.value ?? {};
  const live = new Map(rows.listeners.map((one) => [one.name, one]));
  return (
    <section aria-labelledby="listeners-title">
      <h2 id="listeners-title">Listeners</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Listener</th>
            <th scope="col">Address</th>
            <th scope="col">Protocol</th>
            <th scope="col" class="number">
              Open
            </th>
            <th scope="col" class="number">
              Requests/s
            </th>
            <th scope="col" class="number mid-only">
              5xx
            </th>
          </tr>
        </thead>
        <tbody>
          {listeners.map(({ name, address, port, protocol, path, note = '', open }) => {
            const now = live.get(name);
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <code>
                    {hostOf(address)}:{port}
                  </code>
                </td>
                <td title={note}>
                  {protocol}
                  {path === 'kernel' && ' in the kernel'}
                </td>
                <td class="number">{now?.open ?? open}</td>
                <td class="number">{rate(now?.rate ?? 0)}</td>
                <td class={`number mid-only ${(now?.errors ?? 0) > 0 ? 'bad' : 'quiet'}`}>
                  {percent(now?.errors ?? 0)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
