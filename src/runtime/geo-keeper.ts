// Owns the databases of places while some policy or route needs them: opened once for all workers, read again when a file changes, closed
// when nobody needs them any more. Main thread only.

import { needsGeo, routesAskPlaces } from '../config/compile/geo.ts';
import { allPolicies } from '../config/compile/steering.ts';
import type { Config } from '../config/types.ts';
import { ok, type Result } from '../core/result.ts';
import type { GeoFile } from '../geo/files.ts';
import { GeoSource } from '../geo/source.ts';
import type { GeoFacts } from '../steering/steering.ts';

export interface GeoKeeperOptions {
  /** Other files came; workers should have them. */
  readonly onChange: () => void;
  readonly onProblem: (reason: string) => void;
}

export class GeoKeeper {
  readonly #options: GeoKeeperOptions;
  #source: GeoSource | undefined;
  #signature = '';
  /** Of a configuration that is not in effect yet. */
  #next: { source: GeoSource | undefined; signature: string } | undefined;

  constructor(options: GeoKeeperOptions) {
    this.#options = options;
  }

  /** The files for a configuration that may come into effect. The error is for a person. */
  async prepare(config: Config): Promise<Result<readonly GeoFile[], string>> {
    this.abort();
    if (!needsGeo(allPolicies(config)) && !routesAskPlaces(config)) {
      this.#next = { source: undefined, signature: '' };
      return ok([]);
    }
    const signature = JSON.stringify(config.geo);
    if (signature === this.#signature && this.#source !== undefined) return ok(this.#source.files);
    const { onChange, onProblem } = this.#options;
    const started = await GeoSource.start({ config: config.geo, onChange, onProblem });
    if (!started.ok) return started;
    this.#next = { source: started.value, signature };
    return ok(started.value.files);
  }

  commit(): void {
    if (this.#next === undefined) return;
    this.#source?.close();
    this.#source = this.#next.source;
    this.#signature = this.#next.signature;
    this.#next = undefined;
  }

  abort(): void {
    this.#next?.source?.close();
    this.#next = undefined;
  }

  /** Undefined while nobody needs a database. */
  find(address: string): GeoFacts | undefined {
    return this.#source?.database.find(address);
  }

  close(): void {
    this.abort();
    this.#source?.close();
    this.#source = undefined;
    this.#signature = '';
  }
}
