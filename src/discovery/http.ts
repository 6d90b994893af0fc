// Owns endpoints from a URL that is asked now and then: JSON, a list as in a configuration or groups as Prometheus' http_sd has
// them. What has not changed is not sent twice when the server knows ETags.

import type { HttpDiscover } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { type Api, jsonOf } from '../platforms/api.ts';
import { apiOf } from './api-of.ts';
import type { DiscoveryKind, Look, Source, SourceTools } from './discovery.ts';
import { readList } from './entries.ts';

export const http: DiscoveryKind<HttpDiscover> = {
  name: 'http',
  build: (config, tools) => new HttpSource(config, tools),
};

class HttpSource implements Source {
  readonly #config: HttpDiscover;
  readonly #api: Api;
  #etag = '';

  constructor(config: HttpDiscover, tools: SourceTools) {
    this.#config = config;
    this.#api = apiOf(config, tools);
  }

  async look(signal: AbortSignal): Promise<Result<Look, string>> {
    const { intervalMs: againMs, defaults } = this.#config;
    const headers: Record<string, string> = this.#etag === '' ? {} : { 'if-none-match': this.#etag };
    const answer = await this.#api.ask({ path: '', headers }, signal);
    if (!answer.ok) return answer;
    const { status, headers: fields } = answer.value;
    if (status === 304 && this.#etag !== '') return ok({ endpoints: undefined, againMs });
    if (status >= 300 && status < 400) return err(`answered ${status}; redirects are not followed`);
    const json = jsonOf(answer.value);
    if (!json.ok) return json;
    const endpoints = readList(json.value, defaults);
    if (!endpoints.ok) return endpoints;
    this.#etag = fields.etag ?? '';
    return ok({ endpoints: endpoints.value, againMs });
  }
}
