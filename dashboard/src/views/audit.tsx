// Owns what operators changed: what stands beside the configuration now, with the way back, and who did what.

import type { AuditEntry } from '../../../src/admin/audit.ts';
import { dialog } from '../actions.ts';
import { ask } from '../api.ts';
import { Empty } from '../parts/empty.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { TimeAgo } from '../parts/time-ago.tsx';
import { endpointLink } from '../router.ts';
import { audit, changes, mayOperate, rows } from '../store.ts';

export function AuditView() {
  const newest = audit.value[0];
  const { value = [] } = useLoaded('audit', () => ask<AuditEntry[]>('/api/v1/audit?limit=200'), { revision: newest });
  return (
    <>
      <h1>Audit</h1>
      <Beside />
      <section aria-labelledby="audit-title">
        <h2 id="audit-title">Who did what</h2>
        {value.length === 0 ? (
          <Empty title="Nobody has changed anything since the start" />
        ) : (
          <table class="audit">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">What</th>
                <th scope="col" class="mid-only">
                  Before
                </th>
                <th scope="col" class="mid-only">
                  After
                </th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {value.map((entry) => (
                <tr key={`${entry.at} ${entry.action} ${entry.what}`}>
                  <td>
                    <TimeAgo at={entry.at} />
                  </td>
                  <td title={entry.from}>{entry.who}</td>
                  <th scope="row">
                    {entry.action} <code>{entry.what}</code>
                    {entry.outcome === 'refused' && <span class="badge badge-bad">refused</span>}
                  </th>
                  <td class="mid-only">{short(entry.before)}</td>
                  <td class="mid-only">{short(entry.after)}</td>
                  <td>{entry.note}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </>
  );
}

const LONGEST = 60;

function short(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

function Beside() {
  const { value } = changes;
  return (
    <section aria-labelledby="beside-title">
      <h2 id="beside-title">In effect beside the configuration</h2>
      {value === undefined || value.changes.length === 0 ? (
        <Empty title="Nothing: everything is as configured" />
      ) : (
        <>
          <p class={value.saved ? 'quiet' : 'warn'}>
            {value.saved ? `Kept in ${value.file}, over restarts.` : 'A restart loses these.'} {value.problem}
          </p>
          <table>
            <tbody>
              {value.changes.map(({ what, change, at, note }) => (
                <tr key={what + change}>
                  <th scope="row">
                    {rows.endpoints.has(what) ? <a href={endpointLink(what)}>{what}</a> : <code>{what}</code>}
                  </th>
                  <td>{change}</td>
                  <td>
                    <TimeAgo at={at} />
                  </td>
                  <td>{note}</td>
                  {mayOperate.value && (
                    <td class="row-action">
                      {what.includes('/') && !what.startsWith('@') && !what.startsWith('split ') && (
                        <button
                          type="button"
                          aria-label={`Take back what was said about ${what}`}
                          onClick={() => (dialog.value = { kind: 'take-back', id: what })}
                        >
                          Take back…
                        </button>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}
