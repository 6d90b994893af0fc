// Owns sites and client networks: on a map, and as tables beside it.

import { useEffect, useState } from 'preact/hooks';
import type { WorldReport } from '../../../src/runtime/facade.ts';
import { dialog } from '../actions.ts';
import { ask } from '../api.ts';
import { ms, rate, span } from '../format.ts';
import { type ComponentType, lazyMap } from '../lazy-map.ts';
import { Empty, Failure } from '../parts/empty.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { StateMark } from '../parts/state.tsx';
import { linkTo } from '../router.ts';
import { configRevision, mayOperate, rows, tick } from '../store.ts';

const LOOK_MS = 5000;
const MOST_NETWORKS = 200;

export function WorldView() {
  const { value, error, again } = useLoaded('world', () => ask<WorldReport>('/api/v1/world'), {
    everyMs: LOOK_MS,
    revision: configRevision.value,
  });
  return (
    <>
      <h1>World</h1>
      {value === undefined && error !== '' && <Failure text={error} again={again} />}
      {value !== undefined && <World world={value} again={again} />}
      <p class="attribution">
        <a href="https://db-ip.com">IP Geolocation by DB-IP</a> · map: Natural Earth
      </p>
    </>
  );
}

function World({ world, again }: { readonly world: WorldReport; readonly again: () => void }) {
  const { sites, networks } = world;
  if (sites.length === 0)
    return (
      <Empty title="There are no sites">
        Sites are the places that DNS answers choose among. Write them under <code>sites</code> in the{' '}
        <a href="#/config">configuration</a>, each with a <code>location</code>, to see them here.
      </Empty>
    );
  const placed = sites.filter(({ location }) => location !== undefined).length;
  return (
    <>
      {placed > 0 && <LazyMap world={world} />}
      {placed < sites.length && (
        <p class="quiet">
          {sites.length - placed} of {sites.length} sites have no <code>location</code>, and are not on the map.
        </p>
      )}
      <div class="columns">
        <Sites sites={sites} again={again} />
        <Networks networks={networks} />
      </div>
    </>
  );
}

/** The outlines of land come only when somebody looks at them. */
function LazyMap({ world }: { readonly world: WorldReport }) {
  const [Found, setFound] = useState<{ of: ComponentType } | undefined>(undefined);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    lazyMap().then(
      (of) => setFound({ of }),
      () => setFailed(true),
    );
  }, []);
  if (failed) return <Failure text="The map could not be loaded; everything it shows is in the tables." />;
  if (Found === undefined) return <div class="map map-empty" />;
  return <Found.of world={world} />;
}

function Sites({ sites, again }: { readonly sites: WorldReport['sites']; readonly again: () => void }) {
  void tick.value;
  return (
    <section aria-labelledby="sites-title">
      <h2 id="sites-title">Sites</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Site</th>
            <th scope="col">State</th>
            <th scope="col">Pool</th>
            <th scope="col" class="number">
              Requests/s
            </th>
            {mayOperate.value && (
              <th scope="col">
                <span class="aside">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {sites.map(({ name, state, pool, addresses }) => {
            const isOut = state === 'draining' || state === 'maintenance';
            const open = (): void => {
              dialog.value = { kind: 'site', site: name, to: isOut ? 'ready' : 'drain' };
              setTimeout(again, 1500);
            };
            return (
              <tr key={name}>
                <th scope="row" title={addresses.join(', ')}>
                  {name}
                </th>
                <td>
                  <StateMark state={state} />
                </td>
                <td>{pool === '' ? <span class="quiet">none</span> : <a href={linkTo('pools', pool)}>{pool}</a>}</td>
                <td class="number">{rate(rows.pools.get(pool)?.smoothRate ?? 0)}</td>
                {mayOperate.value && (
                  <td class="row-action">
                    <button
                      type="button"
                      onClick={open}
                      aria-label={`${isOut ? 'Make ready' : 'Drain'} the site ${name}`}
                    >
                      {isOut ? 'Ready' : 'Drain'}
                    </button>
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Networks({ networks }: { readonly networks: WorldReport['networks'] }) {
  const shown = [...networks].sort((a, b) => b.weight - a.weight).slice(0, MOST_NETWORKS);
  return (
    <section aria-labelledby="networks-title">
      <h2 id="networks-title">Client networks</h2>
      {shown.length === 0 ? (
        <Empty title="Nothing was measured">
          Times to client networks are measured while a <code>latency</code> policy asks, and <code>site</code> says
          where this balancer is.
        </Empty>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Network</th>
              <th scope="col">Country</th>
              <th scope="col">To site</th>
              <th scope="col" class="number">
                Time
              </th>
              <th scope="col" class="number">
                Measured
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ network, country, site, ms: time, ageMs }) => (
              <tr key={network + site}>
                <th scope="row">
                  <code>{network}</code>
                </th>
                <td>{country === '' ? <span class="quiet">unknown</span> : country}</td>
                <td>{site}</td>
                <td class="number">{ms(time)}</td>
                <td class="number quiet">{span(ageMs)} ago</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
