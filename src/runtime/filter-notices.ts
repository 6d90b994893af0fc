// Owns what filters may say in the log of the process: so many lines a second from one worker, so that nobody fills a disk by asking
// for it; how many were left out is told once there is room.

import type { Clock } from '../core/env.ts';

export type OnNotice = (text: string, fields?: Record<string, unknown>) => void;

const MOST_A_SECOND = 100;
const SECOND_MS = 1000;

export function filterNotices(
  clock: Clock,
  tell: OnNotice,
): (message: string, fields: Readonly<Record<string, unknown>>) => void {
  let since = -SECOND_MS;
  let told = 0;
  let left = 0;
  return (message, fields) => {
    const now = clock.now();
    if (now - since >= SECOND_MS) {
      since = now;
      told = 0;
      if (left > 0) tell('lines of filters were left out of the log', { lines: left });
      left = 0;
    }
    if (told++ < MOST_A_SECOND) tell(message, fields);
    else left++;
  };
}
