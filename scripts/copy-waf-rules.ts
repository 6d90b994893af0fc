// Copies the rules of the web application firewall out of an unpacked dd-trace package (`node scripts/copy-waf-rules.ts
// FOLDER`): those that look at requests, without what only an agent inside of an application can see. Ids, tags and versions
// stay as they are.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Rule {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly conditions: readonly {
    readonly operator: string;
    readonly parameters: Readonly<Record<string, unknown>> & {
      readonly inputs?: readonly { readonly address: string }[];
      readonly data?: string;
    };
  }[];
}

/** What `http/waf/` tells the engine. */
const KNOWN = [
  'http.client_ip',
  'server.request.body',
  'server.request.body.filenames',
  'server.request.cookies',
  'server.request.headers.no_cookies',
  'server.request.method',
  'server.request.path_params',
  'server.request.query',
  'server.request.uri.raw',
];

const [from] = process.argv.slice(2);
const to = fileURLToPath(new URL('../assets/waf', import.meta.url));
const { version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { version: string };
const all = JSON.parse(readFileSync(join(from, 'packages/dd-trace/src/appsec/recommended.json'), 'utf8')) as {
  readonly version: string;
  readonly metadata: { readonly rules_version: string };
  readonly rules: readonly Rule[];
};

function kept(rule: Rule): Rule | undefined {
  const conditions = rule.conditions.map(({ operator, parameters }) => {
    const { inputs = [], ...rest } = parameters;
    return { operator, parameters: { inputs: inputs.filter(({ address }) => KNOWN.includes(address)), ...rest } };
  });
  const works = conditions.every(({ parameters }) => parameters.inputs.length > 0 && parameters.data === undefined);
  return works ? { ...rule, conditions } : undefined;
}

const rules = all.rules.map(kept).filter((rule) => rule !== undefined);
const file = { version: all.version, metadata: all.metadata, rules };
writeFileSync(join(to, 'recommended.json'), `${JSON.stringify(file)}\n`);
copyFileSync(join(from, 'LICENSE.BSD3'), join(to, 'LICENSE.BSD3'));
copyFileSync(join(from, 'LICENSE.Apache'), join(to, 'LICENSE.Apache'));
console.log(`dd-trace ${version}, rules ${all.metadata.rules_version}: ${rules.length} of ${all.rules.length}`);
