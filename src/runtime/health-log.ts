// Owns telling the log of changes of health. Decides nothing.

import type { HealthTable } from '../health/table.ts';
import type { Log } from '../observe/log.ts';

export function logChanges(health: HealthTable, log: Log): void {
  health.subscribe(({ id, from, to, cause, evidence }) => {
    if (from === 'absent' || to === 'absent') return;
    const isWanted = to === 'up' || to === 'closed' || to === 'draining' || to === 'maintenance';
    const what = cause === 'breaker' ? `the breaker of pool ${id}` : id;
    log[isWanted ? 'info' : 'warn'](`${what} is ${to}`, { was: from, cause, evidence });
  });
}
