// Owns how the connection is: live, or since when not, and that it comes back by itself.

import { span } from '../format.ts';
import { connection, staleMs } from '../store.ts';

export function Connection() {
  const stale = staleMs.value;
  const isLive = stale === 0 && connection.value === 'live';
  return (
    <p class={`connection ${isLive ? 'is-live' : 'is-lost'}`} role="status">
      <i />
      {isLive ? 'live' : stale === 0 ? 'connecting…' : `not connected, trying again · numbers are ${span(stale)} old`}
    </p>
  );
}
