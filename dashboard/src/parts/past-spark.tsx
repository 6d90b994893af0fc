// Owns the last five minutes of a pool's number as a line the size of a word.

const WIDTH = 96;
const HEIGHT = 20;
/** Seconds in one point. */
const EVERY = 5;

export function PastSpark({ values }: { readonly values: readonly (number | null)[] }) {
  const points: number[] = [];
  for (let end = values.length; end > 0; end -= EVERY) {
    const part = values.slice(Math.max(0, end - EVERY), end).filter((value) => value !== null);
    points.unshift(part.length === 0 ? 0 : part.reduce((sum, value) => sum + value, 0) / part.length);
  }
  const most = Math.max(...points, 0);
  if (most === 0) return null;
  const step = WIDTH / 60;
  const path = points.map((value, i) => {
    const x = WIDTH - (points.length - 1 - i) * step;
    return `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={path.join('')} />
    </svg>
  );
}
