// Owns which rows of a long table are worth having: those that can be seen, and some around them. The page scrolls, not the table.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface Span {
  readonly first: number;
  /** Behind the last. */
  readonly end: number;
}

/** Of steps so long, so that not every pixel of scrolling renders. */
const STEP = 8;
const AROUND = 6;

export function useWindow(count: number, height: number) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [span, setSpan] = useState<Span>({ first: 0, end: Math.min(count, 60) });
  const look = (): void => {
    const top = -(body.current?.getBoundingClientRect().top ?? 0);
    const seen = Math.ceil(innerHeight / height);
    const first = Math.max(0, Math.floor((top / height - AROUND) / STEP) * STEP);
    const end = Math.max(first + seen + 2 * AROUND + STEP, 0);
    setSpan((was) => (was.first === first && was.end === end ? was : { first, end }));
  };
  useEffect(() => {
    let asked = false;
    const onScroll = (): void => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        look();
      });
    };
    addEventListener('scroll', onScroll, { passive: true });
    addEventListener('resize', onScroll, { passive: true });
    return () => {
      removeEventListener('scroll', onScroll);
      removeEventListener('resize', onScroll);
    };
  });
  useLayoutEffect(look, [count]);
  const first = Math.min(span.first, Math.max(0, count - 1));
  return { body, first, end: Math.min(count, span.end) };
}
