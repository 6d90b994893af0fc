// Owns one endpoint as a row of a table.

import { dialog } from '../actions.ts';
import { ms, percent, rate } from '../format.ts';
import { endpointLink } from '../router.ts';
import type { EndpointRow } from '../rows.ts';
import { mayOperate } from '../store.ts';
import { Spark } from './spark.tsx';
import { StateMark } from './state.tsx';

interface Props {
  readonly row: EndpointRow;
  /** Of all rows, from 1 on; the head is one. */
  readonly index: number;
  /** The longest p95 of the pool. */
  readonly top: number;
  /** The largest share. */
  readonly most: number;
  readonly isOpen: boolean;
}

export function EndpointLine({ row, index, top, most, isOpen }: Props) {
  const { id, address, state, slow, errors, pace, report } = row;
  const isOut = !row.serves;
  return (
    <tr
      data-row
      data-id={id}
      aria-rowindex={index}
      class={`${slow > 0 ? 'is-slow' : ''} ${isOut ? 'is-out' : ''} ${isOpen ? 'is-open' : ''}`}
    >
      <th scope="row">
        <StateMark state={state} word={isOut || state !== 'up'} />
        <a href={endpointLink(id)} class="address" aria-current={isOpen ? 'true' : undefined}>
          {address}
        </a>
        {slow > 0 && <span class="badge badge-warn">{slow < 10 ? slow.toFixed(1) : Math.round(slow)}× slower</span>}
        {report.tier > 0 && <span class="badge">backup {report.tier}</span>}
        {report.zone !== '' && <small class="wide-only">{report.zone}</small>}
      </th>
      <td>
        <span class="bar" aria-hidden="true">
          <i style={{ width: `${(row.smoothShare / most) * 100}%` }} />
        </span>
        <span class="bar-value">{percent(row.smoothShare)}</span>
      </td>
      <td class="number mid-only">{rate(row.rate)}</td>
      <td class="number">{row.inFlight}</td>
      <td class="number pace">
        <Spark of={row.p95s} top={top * 1.2} />
        {Number.isNaN(pace) ? <span class="quiet">–</span> : ms(pace)}
      </td>
      <td class={`number mid-only ${errors > 0 ? 'bad' : 'quiet'}`}>{percent(errors)}</td>
      <td class="number wide-only">{row.weight}</td>
      {mayOperate.value && (
        <td class="row-action mid-only">
          {state === 'draining' || state === 'maintenance' ? (
            <button
              type="button"
              onClick={() => (dialog.value = { kind: 'ready', id })}
              aria-label={`Make ${address} ready`}
            >
              Ready
            </button>
          ) : (
            <button
              type="button"
              onClick={() => (dialog.value = { kind: 'drain', id })}
              aria-label={`Drain ${address}`}
            >
              Drain
            </button>
          )}
        </td>
      )}
    </tr>
  );
}
