// Owns how a state looks: a shape and a word, so that it can be told without colours.

const SHAPES: Readonly<Record<string, string>> = {
  up: 'M5 1a4 4 0 1 0 0 8a4 4 0 0 0 0-8z',
  checking: 'M5 1a4 4 0 1 0 0 8a4 4 0 0 0 0-8zm0 1.500a2.500 2.500 0 1 1 0 5a2.500 2.500 0 0 1 0-5z',
  trial: 'M5 1a4 4 0 1 0 0 8a4 4 0 0 0 0-8zm0 1.500v5a2.500 2.500 0 0 1 0-5z',
  ejected: 'M5 .8L9.600 9H.4z',
  down: 'M1.900 .6L.6 1.900 3.700 5 .6 8.100l1.300 1.300L5 6.300l3.100 3.100 1.300-1.300L6.300 5l3.100-3.100L8.100.6 5 3.700z',
  draining: 'M.8 2h8.400L5 9.200z',
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
