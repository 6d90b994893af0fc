// Owns what is looked at before a firewall is taken into use: whether its engine loads here, and whether it understands the rules.
// A firewall that cannot work refuses the configuration; it is never left out in silence.

import type { ConfigIssue } from '../config/issues.ts';
import type { Config, FilterEntry, WafSettings } from '../config/types.ts';
import { type Engine, loadEngine, WITHOUT_ENGINE } from '../http/waf/engine.ts';
import { buildRuleSet, namesNothing, readRules } from '../http/waf/ruleset.ts';

export function wafIssues(config: Config, load: typeof loadEngine = loadEngine): ConfigIssue[] {
  const found = firewallsOf(config);
  if (found.length === 0) return [];
  const engine = load();
  if (!engine.ok)
    return found.map(({ path }) => ({ path: [...path, 'mode'], message: engine.error, hint: WITHOUT_ENGINE }));
  return found.flatMap(({ path, settings }) => rulesIssues(path, settings, engine.value));
}

/** Files whose content may have changed, although their names have not. */
export function hasRuleFiles(config: Config): boolean {
  return firewallsOf(config).some(({ settings }) => settings.rules !== 'recommended');
}

interface Found {
  readonly path: readonly (string | number)[];
  readonly settings: WafSettings;
}

function firewallsOf({ listeners, pools }: Config): Found[] {
  const found: Found[] = [];
  const look = (filters: readonly FilterEntry[], path: readonly (string | number)[]): void => {
    for (const [i, { kind, settings }] of filters.entries()) {
      if (kind !== 'waf' || (settings as WafSettings).mode === 'off') continue;
      found.push({ path: [...path, 'filters', i, 'waf'], settings: settings as WafSettings });
    }
  };
  for (const [name, listener] of Object.entries(listeners)) {
    if (listener.protocol !== 'http') continue;
    look(listener.filters, ['listeners', name]);
    for (const [i, { filters }] of listener.routes.entries()) look(filters, ['listeners', name, 'routes', i]);
  }
  for (const [name, { filters }] of Object.entries(pools)) look(filters, ['pools', name]);
  return found;
}

function rulesIssues(path: Found['path'], settings: WafSettings, engine: Engine): ConfigIssue[] {
  const rules = readRules(settings.rules);
  if (!rules.ok) return [{ path: [...path, 'rules'], message: `"${settings.rules}" ${rules.error}` }];
  const idle = settings.exclude.findIndex((one) => namesNothing(rules.value.rules, one));
  if (idle >= 0) {
    const message = `names no rule: there is none like "${settings.exclude[idle].rule}"`;
    return [{ path: [...path, 'exclude', idle, 'rule'], message, hint: 'ids are in the log of what was found' }];
  }
  const built = buildRuleSet(engine, rules.value.rules, settings.exclude);
  if (!built.ok) return [{ path: [...path, 'rules'], message: `"${settings.rules}" ${built.error}` }];
  return [];
}
