// Owns a line the size of a word: the last values of a number, the newest at the right.

import type { History } from '../history.ts';

interface Props {
  readonly of: History;
  /** The top of the picture; 0: the largest value. */
  readonly top?: number;
  readonly points?: number;
  readonly width?: number;
  readonly height?: number;
}

export function Spark({ of, top = 0, points = 60, width = 72, height = 18 }: Props) {
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
      <path d={pathOf(of, top, points, width, height)} />
    </svg>
  );
}

function pathOf(of: History, top: number, points: number, width: number, height: number): string {
  const count = Math.min(points, of.count);
  const first = of.count - count;
  let most = top;
  if (top === 0) for (let i = 0; i < count; i++) most = Math.max(most, of.at(first + i) || 0);
  if (most === 0) return '';
  let path = '';
  let pen = 'M';
  for (let i = 0; i < count; i++) {
    const value = of.at(first + i);
    if (Number.isNaN(value)) {
      pen = 'M';
      continue;
    }
    const x = width - (count - 1 - i) * (width / (points - 1));
    const y = height - 1 - (Math.min(value, most) / most) * (height - 2);
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = 'L';
  }
  return path;
}
