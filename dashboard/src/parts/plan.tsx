// Owns what a configuration would change, line by line, or what is wrong with it.

import type { PlanLine } from '../actions.ts';
import type { Issue } from '../api.ts';
import { count } from '../format.ts';

const SIGNS = { add: '+', remove: '−', change: '~' } as const;
const MOST = 100;

interface Props {
  readonly verdict: {
    readonly plan?: readonly PlanLine[];
    readonly issues?: readonly Issue[];
    readonly error?: string;
  };
}

export function Plan({ verdict: { plan, issues, error } }: Props) {
  return (
    <div role="status">
      {error !== undefined && <p class="field-error">{error}</p>}
      {issues !== undefined && <Issues issues={issues} />}
      {plan === undefined && issues === undefined && error === undefined && <p class="quiet">Looking…</p>}
      {plan !== undefined && <PlanList plan={plan} />}
    </div>
  );
}

export function PlanList({ plan }: { readonly plan: readonly PlanLine[] }) {
  if (plan.length === 0) return <p class="quiet">Nothing: it means the same as what is in effect.</p>;
  return (
    <ul class="plan">
      {plan.slice(0, MOST).map(({ action, what, detail }) => (
        <li key={action + what} class={`plan-${action}`}>
          <span class="sign" aria-hidden="true">
            {SIGNS[action]}
          </span>
          <span>
            <span class="aside">{action} </span>
            <b>{what}</b> {detail}
          </span>
        </li>
      ))}
      {plan.length > MOST && <li>and {plan.length - MOST} more</li>}
    </ul>
  );
}

function Issues({ issues }: { readonly issues: readonly Issue[] }) {
  return (
    <>
      <p class="bad">{count(issues.length, 'thing')} to put right:</p>
      <ul class="issues">
        {issues.map(({ path, message, hint, line, column = 1, text }) => (
          <li key={path + message}>
            <p>
              {line !== undefined && line > 0 && <b>line {line} </b>}
              <code>{path}</code> {message}
            </p>
            {text !== undefined && text.trim() !== '' && (
              <pre>
                {text}
                {'\n'}
                {' '.repeat(Math.max(0, column - 1))}^
              </pre>
            )}
            {hint !== undefined && <p class="hint">{hint}</p>}
          </li>
        ))}
      </ul>
    </>
  );
}
