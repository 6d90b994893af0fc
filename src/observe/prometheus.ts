// Owns the Prometheus text format (version 0.0.4): names, help, labels and values as lines. What is measured is said by
// `metrics.ts`.

export type Labels = Readonly<Record<string, string>>;

export class PrometheusText {
  #out = '';

  /** Begins a family; its samples follow. */
  family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): void {
    this.#out += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  sample(name: string, labels: Labels, value: number): void {
    let pairs = '';
    for (const key in labels) pairs += `${pairs === '' ? '' : ','}${key}="${escapeLabel(labels[key])}"`;
    this.#out += `${name}${pairs === '' ? '' : `{${pairs}}`} ${value}\n`;
  }

  /** `counts[i]` are the observations up to `bounds[i]` and above the bound before; the last is what lies beyond all. */
  histogram(name: string, labels: Labels, bounds: readonly number[], counts: readonly number[], sum: number): void {
    let total = 0;
    bounds.forEach((bound, i) => {
      total += counts[i];
      this.sample(`${name}_bucket`, { ...labels, le: String(bound) }, total);
    });
    total += counts[bounds.length];
    this.sample(`${name}_bucket`, { ...labels, le: '+Inf' }, total);
    this.sample(`${name}_sum`, labels, sum);
    this.sample(`${name}_count`, labels, total);
  }

  toString(): string {
    return this.#out;
  }
}

function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : value;
}
