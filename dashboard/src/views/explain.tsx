// Owns asking what would become of a request, and why: nothing is sent.

import { useState } from 'preact/hooks';
import type { HttpExplanation } from '../../../src/runtime/facade.ts';
import { explainError } from '../actions.ts';
import { ask } from '../api.ts';
import { hostOf } from '../format.ts';
import { Explanation } from '../parts/explanation.tsx';
import { status } from '../store.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export function ExplainView() {
  const [method, setMethod] = useState('GET');
  const [url, setUrl] = useState(firstUrl);
  const [from, setFrom] = useState('192.0.2.1');
  const [fields, setFields] = useState('');
  const [answer, setAnswer] = useState<{ found?: HttpExplanation; error?: string }>({});
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const body = { protocol: 'http', method, url, from, headers: headersOf(fields) };
      setAnswer({ found: await ask<HttpExplanation>('/api/v1/explain', { method: 'POST', body }) });
    } catch (failed) {
      setAnswer({ error: explainError(failed) });
    }
  };
  return (
    <>
      <header class="view-head">
        <h1>Explain</h1>
        <p class="quiet">
          What would become of a request, and why: the route, the near misses, every candidate, the pick. Nothing is
          sent, counted or remembered.
        </p>
      </header>
      <form class="explain" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>Method</span>
          <select value={method} onChange={(event) => setMethod(event.currentTarget.value)}>
            {METHODS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label class="field field-wide">
          <span>URL</span>
          <input type="url" required value={url} onInput={(event) => setUrl(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>From</span>
          <input type="text" required value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
        </label>
        <label class="field field-wide">
          <span>
            Fields <small>one a line, such as: Cookie: session=1</small>
          </span>
          <textarea rows={2} value={fields} onInput={(event) => setFields(event.currentTarget.value)} />
        </label>
        <button type="submit" class="primary">
          Explain
        </button>
      </form>
      <div role="status">
        {answer.error !== undefined && <p class="field-error">{answer.error}</p>}
        {answer.found !== undefined && <Explanation found={answer.found} />}
      </div>
    </>
  );
}

function firstUrl(): string {
  const found = status.value?.listeners.find(({ protocol }) => protocol === 'http' || protocol === 'https');
  if (found === undefined) return 'http://localhost/';
  const host = hostOf(found.address);
  return `${found.protocol}://${host === '0.0.0.0' || host === '[::]' ? 'localhost' : host}:${found.port}/`;
}

function headersOf(text: string): readonly (readonly [string, string])[] {
  return text
    .split('\n')
    .filter((line) => line.includes(':'))
    .map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()] as const;
    });
}
