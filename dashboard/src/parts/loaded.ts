// Owns something that is asked for when a view opens, and again when it should be: the answer, or why there is none.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { explainError } from '../actions.ts';

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string;
  readonly again: () => void;
}

/**
 * Asked again when `key` or `revision` is another one, and every `everyMs` (0: never) while the page is seen. Of the same key the
 * value of before is kept until the next one is there.
 */
export function useLoaded<T>(
  key: string,
  load: () => Promise<T>,
  { everyMs = 0, revision = 0 as unknown } = {},
): Loaded<T> {
  const [state, setState] = useState<{ key: string; value: T | undefined; error: string }>({
    key,
    value: undefined,
    error: '',
  });
  const latest = useRef(key);
  latest.current = key;
  const again = useCallback(() => {
    load().then(
      (value) => latest.current === key && setState({ key, value, error: '' }),
      (error) => latest.current === key && setState((was) => ({ ...was, key, error: explainError(error) })),
    );
    // `load` is another function every time.
  }, [key]);
  useEffect(() => {
    again();
    if (everyMs === 0) return;
    const timer = setInterval(() => !document.hidden && again(), everyMs);
    return () => clearInterval(timer);
  }, [again, everyMs, revision]);
  return { value: state.key === key ? state.value : undefined, error: state.error, again };
}
