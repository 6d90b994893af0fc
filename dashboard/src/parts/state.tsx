// Owns how a state looks: a shape and a word, so that it can be told without colours.

const SHAPES: Readonly<Record<string, string>> = {
  up: 'M5 1a4 4 0 1 0 0 8a4 4 0 0 0 0-8z',
  checking: 'M5 1a4 4 0 1 0 0 8a4 4 0 0 0 0-8zm0 1.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 0 1 0-5z',
  trial: 'M5 1a4 4 0 1 0 0 8a4 4 0 0 0 0-8zm0 1.5v5a2.5 2.5 0 0 1 0-5z',
  ejected: 'M5 .8L9.6 9H.4z',
  down: 'M1.9 .6L.6 1.9 3.7 5 .6 8.1l1.3 1.3L5 6.3l3.1 3.1 1.3-1.3L6.3 5l3.1-3.1L8.1.6 5 3.7z',
  draining: 'M.8 2h8.4L5 9.2z',
  maintenance: 'M1 1h3v8H1zM6 1h3v8H6z',
};

export function StateMark({ state, word = true }: { readonly state: string; readonly word?: boolean }) {
  return (
    <span class={`state state-${state}`}>
      <svg viewBox="0 0 10 10" aria-hidden="true">
        <path d={SHAPES[state] ?? SHAPES.checking} />
      </svg>
      {word ? state : <span class="aside">{state}</span>}
    </span>
  );
}
