// Owns where everything stands in the picture of traffic: four columns (listeners, routes, pools, endpoints), bands between them as
// wide as their rates. Pure: what it is given, it lays out.

export interface FlowNode {
  readonly id: string;
  readonly column: 0 | 1 | 2 | 3;
  readonly label: string;
  readonly link: string;
  readonly rate: number;
  /** '' for none: how it is marked. */
  readonly mark: string;
}

export interface FlowBand {
  readonly from: string;
  readonly to: string;
  readonly rate: number;
  readonly mark: string;
}

export interface PlacedNode extends FlowNode {
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

export interface PlacedBand extends FlowBand {
  readonly path: string;
}

export const NODE_WIDTH = 10;
const GAP = 24;
const LEAST = 2;

export interface Layout {
  readonly nodes: readonly PlacedNode[];
  readonly bands: readonly PlacedBand[];
  readonly height: number;
}

export function layOut(nodes: readonly FlowNode[], bands: readonly FlowBand[], width: number, tall: number): Layout {
  const columns = [0, 1, 2, 3].map((column) => nodes.filter((node) => node.column === column));
  const most = Math.max(...columns.map((all) => all.reduce((sum, { rate }) => sum + rate, 0)), 0);
  const longest = Math.max(...columns.map(({ length }) => length));
  const space = Math.max(60, tall - longest * GAP);
  const scale = most === 0 ? 0 : space / most;
  const sizeOf = (rate: number): number => Math.max(LEAST, rate * scale);
  const placed = new Map<string, PlacedNode>();
  // Labels of the last column stand at its right.
  const step = (width - NODE_WIDTH - 190) / 3;
  let height = 0;
  for (const all of columns) {
    const total = all.reduce((sum, { rate }) => sum + sizeOf(rate) + GAP, 0);
    let y = Math.max(GAP, (tall - total) / 2 + GAP);
    for (const node of all) {
      placed.set(node.id, { ...node, x: node.column * step, y, height: sizeOf(node.rate) });
      y += sizeOf(node.rate) + GAP;
    }
    height = Math.max(height, y);
  }
  const used = new Map<string, number>();
  const take = (side: string, id: string, size: number): number => {
    const at = used.get(side + id) ?? 0;
    used.set(side + id, at + size);
    return at;
  };
  const ribbons = bands.flatMap((band): PlacedBand[] => {
    const [from, to] = [placed.get(band.from), placed.get(band.to)];
    if (from === undefined || to === undefined) return [];
    const size = Math.max(band.rate > 0 ? 1 : 0.5, band.rate * scale);
    const y0 = from.y + take('from', band.from, size);
    const y1 = to.y + take('to', band.to, size);
    return [{ ...band, path: ribbon(from.x + NODE_WIDTH, y0, to.x, y1, size) }];
  });
  return { nodes: [...placed.values()], bands: ribbons, height: Math.max(height, 80) };
}

function ribbon(x0: number, y0: number, x1: number, y1: number, size: number): string {
  const middle = (x0 + x1) / 2;
  const n = (value: number): string => value.toFixed(1);
  return (
    `M${n(x0)} ${n(y0)}C${n(middle)} ${n(y0)} ${n(middle)} ${n(y1)} ${n(x1)} ${n(y1)}` +
    `V${n(y1 + size)}C${n(middle)} ${n(y1 + size)} ${n(middle)} ${n(y0 + size)} ${n(x0)} ${n(y0 + size)}Z`
  );
}
