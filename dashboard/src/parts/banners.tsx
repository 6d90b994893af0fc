// Owns what must not be overlooked in any view: changes that a restart would lose, a configuration that was refused, a drain of the
// balancer itself.

import { count } from '../format.ts';
import { changes, config, status } from '../store.ts';

export function Banners() {
  const { draining = false, reloads } = status.value ?? {};
  const refused = reloads?.lastError;
  return (
    <section aria-label="Notices">
      {draining && (
        <div class="notice notice-warn">
          <p>
            <b>This balancer is stopping.</b> It accepts nothing new, and finishes what runs.
          </p>
        </div>
      )}
      {refused !== undefined && (
        <div class="notice notice-warn">
          <p>
            <b>The newest configuration was refused,</b> the one before is still in effect: {refused}
          </p>
        </div>
      )}
      <UnsavedConfig />
      <UnsavedChanges />
    </section>
  );
}

function UnsavedConfig() {
  const { value } = config;
  if (value === undefined || value.saved) return null;
  return (
    <div class="notice notice-info">
      <p>
        <b>The configuration in effect is not in its file.</b> A restart goes back to what the file says.{' '}
        <a href="#/config">See it</a>
      </p>
    </div>
  );
}

const MOST = 4;

function UnsavedChanges() {
  const { value } = changes;
  if (value === undefined || value.changes.length === 0 || value.saved) return null;
  const { changes: all, problem } = value;
  return (
    <div class="notice notice-info">
      <p>
        <b>{count(all.length, 'change')} that a restart would lose:</b>{' '}
        {all.slice(0, MOST).map(({ what, change }, i) => (
          <span key={what + change}>
            {i > 0 && ', '}
            <code>{what.replace('@sites/', 'site ')}</code> {change}
          </span>
        ))}
        {all.length > MOST && ` and ${all.length - MOST} more`}.{' '}
        {problem === '' ? (
          <>
            With <code>admin.state</code> they would be kept.
          </>
        ) : (
          problem
        )}{' '}
        <a href="#/audit">All changes</a>
      </p>
    </div>
  );
}
