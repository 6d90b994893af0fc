// Owns asking for a token: kept for this tab, never in an address, forgotten when the tab is closed.

import { useState } from 'preact/hooks';
import { ApiError, ask, token } from '../api.ts';
import { begin, type Who } from '../store.ts';

export function Login() {
  const [value, setValue] = useState('');
  const [error, setError] = useState('');
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    token.set(value.trim());
    try {
      await ask<Who>('/api/v1/whoami');
      await begin();
    } catch (failed) {
      token.forget();
      const isUnknown = failed instanceof ApiError && failed.status === 401;
      setError(isUnknown ? 'This token is not known here.' : `${(failed as Error).message}.`);
    }
  };
  return (
    <main class="waiting">
      <h1>Evenkeel</h1>
      <form class="login" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>
            Token <small>one of those under admin.tokens in the configuration</small>
          </span>
          <input
            type="password"
            autocomplete="current-password"
            required
            value={value}
            onInput={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        {error !== '' && (
          <p class="field-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="primary">
          Come in
        </button>
        <p class="quiet">It is kept until this tab is closed. A token that may only read sees no actions.</p>
      </form>
    </main>
  );
}
