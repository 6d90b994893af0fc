// Owns the configuration: as it was written, what another text would change before anything is changed, and the versions before.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ConfigurationState, ConfigurationVersion } from '../../../src/runtime/facade.ts';
import { dialog, explainError, type PlanLine } from '../actions.ts';
import { ApiError, ask, askText, type Issue } from '../api.ts';
import { count } from '../format.ts';
import { Editor } from '../parts/editor.tsx';
import { Failure } from '../parts/empty.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { Plan } from '../parts/plan.tsx';
import { TimeAgo } from '../parts/time-ago.tsx';
import { configRevision, mayOperate } from '../store.ts';

type State = Pick<ConfigurationState, 'file' | 'isProgram' | 'saved' | 'version' | 'at' | 'document' | 'etag'>;

export function ConfigView() {
  const version = configRevision.value;
  const { value, error, again } = useLoaded('config', () => ask<State>('/api/v1/config'), { revision: version });
  const mayEdit = mayOperate.value && value?.isProgram === false;
  return (
    <>
      <header class="view-head">
        <h1>Config</h1>
        {value !== undefined && (
          <p class="quiet">
            {value.file !== '' && <code>{value.file}</code>} · version {value.version}, in effect since{' '}
            <TimeAgo at={value.at} /> · {value.saved ? 'the file says the same' : 'not in the file'}
          </p>
        )}
      </header>
      {error !== '' && <Failure text={error} again={again} />}
      {value?.isProgram === true && (
        <div class="notice notice-info">
          <p>This configuration is a program; it is changed in its file. Below is what it comes to.</p>
        </div>
      )}
      {value !== undefined && (mayEdit ? <Edit version={version} /> : <ReadOnly document={value.document} />)}
      {value !== undefined && <Versions current={value} />}
    </>
  );
}

function ReadOnly({ document }: { readonly document: object }) {
  return (
    <section aria-label="The configuration in effect, with every default and without secrets">
      <p class="quiet">With every default, without secrets.</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre class="document" tabIndex={0}>
        {JSON.stringify(document, null, 2)}
      </pre>
    </section>
  );
}

interface Verdict {
  readonly plan?: readonly PlanLine[];
  readonly issues?: readonly Issue[];
  readonly error?: string;
}

const PAUSE_MS = 400;

function Edit({ version }: { readonly version: number }) {
  const [base, setBase] = useState<{ text: string; etag: string } | undefined>(undefined);
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const [seen, setSeen] = useState(version);
  const isEdited = base !== undefined && text !== base.text;
  const latest = useRef({ text, isEdited });
  latest.current = { text, isEdited };
  const load = (force: boolean): void => {
    askText('/api/v1/config/text').then(
      (found) => {
        setError('');
        // What somebody writes is not thrown away because somebody else was faster; his own is what he wrote.
        const mine = latest.current;
        if (!force && mine.isEdited && mine.text !== found.text) return;
        setBase(found);
        setText(found.text);
        setSeen(configRevision.value);
      },
      (failed) => setError(explainError(failed)),
    );
  };
  useEffect(() => load(false), [version]);
  const verdict = usePlan(text, isEdited);
  if (error !== '') return <Failure text={error} again={() => load(true)} />;
  if (base === undefined) return <p class="quiet">Reading…</p>;
  const { plan, issues = [] } = verdict;
  const isReady = isEdited && plan !== undefined && plan.length > 0;
  return (
    <div class="config">
      <Editor text={text} onInput={setText} issues={issues} />
      <section class="verdict" aria-labelledby="plan-title">
        <h2 id="plan-title">{isEdited ? 'What would change' : 'Nothing is changed yet'}</h2>
        {isEdited && seen !== version && (
          <div class="notice notice-warn">
            <p>Somebody else changed the configuration meanwhile. Applying this will be refused.</p>
            <button type="button" onClick={() => load(true)}>
              Take theirs, drop mine
            </button>
          </div>
        )}
        {isEdited ? (
          <Plan verdict={verdict} />
        ) : (
          <p class="quiet">
            Change the text: what it would do shows here before anything is done. Nothing is applied until you say so.
          </p>
        )}
        <div class="buttons">
          <button
            type="button"
            class="primary"
            disabled={!isReady}
            onClick={() => (dialog.value = { kind: 'apply', text, etag: base.etag, plan: plan ?? [] })}
          >
            Apply…
          </button>
          {isEdited && (
            <button type="button" onClick={() => setText(base.text)}>
              Undo my changes
            </button>
          )}
        </div>
      </section>
    </div>
  );
}

/** Asked when somebody stops typing. */
function usePlan(text: string, isEdited: boolean): Verdict {
  const [verdict, setVerdict] = useState<Verdict>({});
  useEffect(() => {
    setVerdict({});
    if (!isEdited) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      ask<{ plan: { entries: PlanLine[] } }>('/api/v1/config/plan', {
        method: 'POST',
        body: text,
        signal: abort.signal,
      }).then(
        ({ plan }) => setVerdict({ plan: plan.entries }),
        (failed) => {
          if (abort.signal.aborted) return;
          const issues = failed instanceof ApiError ? failed.issues : [];
          setVerdict(issues.length > 0 ? { issues } : { error: explainError(failed) });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text, isEdited]);
  return verdict;
}

function Versions({ current }: { readonly current: State }) {
  const { value = [] } = useLoaded('versions', () => ask<ConfigurationVersion[]>('/api/v1/config/versions'), {
    revision: configRevision.value,
  });
  return (
    <section aria-labelledby="versions-title">
      <h2 id="versions-title">Versions</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">In effect</th>
            <th scope="col">Who and why</th>
            <th scope="col">
              <span class="aside">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {value.map(({ version, at, note, etag }, i) => (
            <tr key={version}>
              <th scope="row">{version}</th>
              <td>
                <TimeAgo at={at} />
              </td>
              <td>{note === '' ? <span class="quiet">from the file</span> : note}</td>
              <td class="row-action">
                {i === 0 ? (
                  <span class="badge">in effect</span>
                ) : (
                  mayOperate.value &&
                  !current.isProgram && (
                    <button
                      type="button"
                      aria-label={`Roll back to version ${version}`}
                      disabled={etag === current.etag}
                      onClick={() => (dialog.value = { kind: 'roll-back', version, etag: `"${current.etag}"`, at })}
                    >
                      Roll back…
                    </button>
                  )
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet">The last {count(value.length, 'version')} since the start are kept.</p>
    </section>
  );
}
