// Owns an explanation as somebody reads it: what happens, then why, then what else could have been.

import type { HttpExplanation } from '../../../src/runtime/facade.ts';
import { list, ms } from '../format.ts';
import { endpointLink, linkTo } from '../router.ts';

const MOST = 50;

export function Explanation({ found }: { readonly found: HttpExplanation }) {
  const {
    listener,
    route,
    client,
    host,
    path,
    pool,
    pick,
    refusal,
    variant,
    misses,
    filters,
    affinity,
    retry,
    cautions,
  } = found;
  return (
    <div class="explanation">
      <p class="lead">
        {pick !== '' ? (
          <>
            It goes to <a href={endpointLink(pick)}>{pick}</a>
          </>
        ) : (
          <b>{refusal === '' ? 'It is answered here' : `It is refused: ${refusal}`}</b>
        )}
        {route !== '' && (
          <>
            , by the route <b>{route}</b> of <b>{listener}</b>
          </>
        )}
        .
      </p>
      <dl class="facts">
        <dt>Client</dt>
        <dd>
          <code>{client.address}</code> — {client.decidedBy}
        </dd>
        <dt>Asked for</dt>
        <dd>
          <code>
            {host} {path}
          </code>
        </dd>
        {filters.length > 0 && (
          <>
            <dt>Filters</dt>
            <dd>{list(filters.map(({ kind, place }) => `${kind} (${place})`))}</dd>
          </>
        )}
        {variant !== '' && (
          <>
            <dt>Variant</dt>
            <dd>{variant}</dd>
          </>
        )}
        {affinity !== undefined && (
          <>
            <dt>Affinity</dt>
            <dd>
              {affinity.by}: {affinity.result} {affinity.endpoint}
            </dd>
          </>
        )}
        {retry !== undefined && (
          <>
            <dt>If it fails</dt>
            <dd>
              {retry.attempts === 0
                ? 'it is not tried again'
                : `${retry.attempts} more ${retry.attempts === 1 ? 'try' : 'tries'}${retry.next === '' ? '' : `, next at ${retry.next}`}; ${retry.when}`}
            </dd>
          </>
        )}
        {cautions.length > 0 && (
          <>
            <dt>Not known</dt>
            <dd>{cautions.join(' ')}</dd>
          </>
        )}
      </dl>
      {misses.length > 0 && (
        <section>
          <h2>Routes that did not match</h2>
          <ul class="misses">
            {misses.slice(0, MOST).map((miss) => (
              <li key={miss.route}>
                <b>{miss.route}</b>{' '}
                {miss.fails.length === 0 ? 'matches as well, but comes later' : `because of ${list(miss.fails)}`}
              </li>
            ))}
          </ul>
        </section>
      )}
      {pool !== undefined && <Candidates pool={pool} pick={pick} />}
    </div>
  );
}

function Candidates({ pool, pick }: { readonly pool: NonNullable<HttpExplanation['pool']>; readonly pick: string }) {
  const { candidates, balance, mode, by, picks } = pool;
  const order = new Map(picks.map((id, i) => [id, i]));
  const sorted = [...candidates].sort((a, b) => (order.get(a.id) ?? 1e9) - (order.get(b.id) ?? 1e9));
  return (
    <section>
      <h2>
        Candidates of <a href={linkTo('pools', pool.pool)}>{pool.pool}</a>
      </h2>
      <p class="quiet">
        {balance}, {mode}
        {by !== '' && `; the first was found by ${by}`}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Endpoint</th>
            <th scope="col" class="number">
              Weight
            </th>
            <th scope="col" class="number">
              In flight
            </th>
            <th scope="col" class="number mid-only">
              Average
            </th>
            <th scope="col" class="number mid-only">
              Score
            </th>
            <th scope="col">Verdict</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, MOST).map(({ id, weight, inFlight, ewmaMs, score, excluded }) => (
            <tr key={id} class={id === pick ? 'is-open' : ''}>
              <th scope="row">
                <a href={endpointLink(id)}>{id}</a>
              </th>
              <td class="number">{Number(weight.toFixed(2))}</td>
              <td class="number">{inFlight}</td>
              <td class="number mid-only">{ms(ewmaMs)}</td>
              <td class="number mid-only">{score === undefined ? '–' : Number(score.toPrecision(3))}</td>
              <td>
                {id === pick ? (
                  <b>the pick</b>
                ) : excluded !== '' ? (
                  <span class="warn">{excluded}</span>
                ) : (
                  'may be picked'
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {candidates.length > MOST && <p class="quiet">and {candidates.length - MOST} more</p>}
    </section>
  );
}
