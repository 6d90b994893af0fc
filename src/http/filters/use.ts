// Owns the filter `use`: somebody's own filter, kept from doing harm. What throws, or is not ready in time, is refused with a 500 or
// skipped; one that fails again and again is given a rest. A loop without an end cannot be helped: it holds its whole worker.

import type { UseSettings } from '../../config/types.ts';
import type { Timer } from '../../core/env.ts';
import type { Filter, FilterKind, FilterRequest, FilterTools, Verdict } from '../filter.ts';

const FAILED = { status: 500, code: 'filter-failed' } as const;

/** `own`: the filters that the configuration brings along. */
export function useOf(own: readonly FilterKind[]): FilterKind<UseSettings> {
  return {
    name: 'use',
    build(settings, tools): Filter {
      const kind = own.find(({ name }) => name === settings.name);
      if (kind === undefined) throw new Error(`the filter "${settings.name}" is not known to this worker`);
      return contained(kind.build(settings.options, tools), settings, tools);
    },
  };
}

function contained(filter: Filter, settings: UseSettings, { env, count }: FilterTools): Filter {
  let failures = 0;
  let restsUntil = 0;
  const failed = (): Verdict => {
    count('failed');
    if (++failures >= settings.failures) {
      failures = 0;
      restsUntil = env.clock.now() + settings.restMs;
    }
    return settings.onFailure === 'skip' ? undefined : FAILED;
  };
  const rests = (): boolean => restsUntil !== 0 && env.clock.now() < restsUntil;
  const inTime = (verdict: Promise<Verdict>): Promise<Verdict> =>
    new Promise((resolve) => {
      let timer: Timer | undefined = env.clock.after(settings.timeoutMs, () => {
        timer = undefined;
        resolve(failed());
      });
      const settle = (make: () => Verdict): void => {
        if (timer === undefined) return;
        timer.cancel();
        timer = undefined;
        resolve(make());
      };
      verdict.then(
        (reply) =>
          settle(() => {
            failures = 0;
            return reply;
          }),
        () => settle(failed),
      );
    });
  const onRequest = (request: FilterRequest): Verdict | Promise<Verdict> => {
    if (rests()) return settings.onFailure === 'skip' ? undefined : FAILED;
    try {
      const verdict = filter.onRequest!(request);
      if (verdict instanceof Promise) return inTime(verdict);
      failures = 0;
      return verdict;
    } catch {
      return failed();
    }
  };
  return {
    ...(filter.onRequest === undefined ? {} : { onRequest }),
    ...(filter.onResponse === undefined
      ? {}
      : {
          onResponse: (request, response) => {
            if (rests()) return;
            try {
              filter.onResponse!(request, response);
            } catch {
              if (failed() !== undefined) response.replace(FAILED);
            }
          },
        }),
    ...(filter.onDone === undefined ? {} : { onDone: (request, result) => filter.onDone!(request, result) }),
    ...(filter.onForward === undefined ? {} : { onForward: (request, whole) => filter.onForward!(request, whole) }),
    readsHeadLater: filter.readsHeadLater ?? (filter.onResponse !== undefined || filter.onDone !== undefined),
    close: () => filter.close?.(),
  };
}
