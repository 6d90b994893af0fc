// Owns `evenkeel init`: a first configuration, written from three answers. It never overwrites a file unasked.

import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { formatAddress, parseAddress } from '../core/address.ts';
import type { CliContext } from './context.ts';

export interface InitOptions {
  readonly output: string;
  readonly listen?: string;
  readonly backend?: readonly string[];
  readonly health?: string;
  readonly force?: boolean;
}

interface Answers {
  readonly listen: string;
  readonly backends: readonly string[];
  readonly health: string;
}

const DEFAULTS: Answers = { listen: '127.0.0.1:8080', backends: ['127.0.0.1:3000'], health: '/health' };

export async function init(ctx: CliContext, options: InitOptions): Promise<void> {
  const { output } = options;
  if (existsSync(output) && options.force !== true) {
    return fail(ctx, `${output} exists already; choose another file with -o, or overwrite it with --force`);
  }
  const answers = await ask(ctx, options);
  const wrong = [answers.listen, ...answers.backends].map((text) => ({ text, parsed: parseAddress(text) }));
  for (const { text, parsed } of wrong) if (!parsed.ok) return fail(ctx, `"${text}" ${parsed.error}`);
  if (answers.health !== 'none' && !/^\/[\x21-\x7e]*$/.test(answers.health)) {
    return fail(ctx, `"${answers.health}" is no path; it must begin with "/" (or be "none")`);
  }
  try {
    writeFileSync(output, firstConfig(answers));
  } catch (error) {
    return fail(ctx, `cannot write ${output}: ${(error as NodeJS.ErrnoException).code}`);
  }
  ctx.stdout.write(`wrote ${output}\nnext: evenkeel check -c ${output} && evenkeel run -c ${output}\n`);
}

function fail(ctx: CliContext, message: string): void {
  ctx.stderr.write(`${message}\n`);
  ctx.exit(1);
}

/** Asks only what no flag answered, and only a person at a terminal. */
async function ask(ctx: CliContext, options: InitOptions): Promise<Answers> {
  const given = { listen: options.listen, backends: options.backend, health: options.health };
  if (ctx.stdin.isTTY !== true) {
    return {
      listen: given.listen ?? DEFAULTS.listen,
      backends: given.backends ?? DEFAULTS.backends,
      health: given.health ?? DEFAULTS.health,
    };
  }
  const prompt = createInterface({ input: ctx.stdin, output: ctx.stdout });
  const question = async (text: string, fallback: string): Promise<string> => {
    const answer = (await prompt.question(`${text} [${fallback}] `)).trim();
    return answer === '' ? fallback : answer;
  };
  try {
    const listen = given.listen ?? (await question('Where do clients connect?', DEFAULTS.listen));
    const backends =
      given.backends ??
      (
        await question('Which servers share the work (host:port, separated by spaces)?', DEFAULTS.backends.join(' '))
      ).split(/[\s,]+/);
    const health =
      given.health ??
      (await question('Which path says that a server is well ("none" for no checks)?', DEFAULTS.health));
    return { listen, backends, health };
  } finally {
    prompt.close();
  }
}

export function firstConfig({ listen, backends, health }: Answers): string {
  const endpoints = backends.map((text) => {
    const parsed = parseAddress(text);
    return `      - ${parsed.ok ? JSON.stringify(formatAddress(parsed.value)) : text}`;
  });
  const checks =
    health === 'none'
      ? '    # health: { http: /health }       # probe each server; without it only traffic tells that one is down\n'
      : `    # Out after 3 failed probes, back after 2 good ones.\n    health: { http: ${JSON.stringify(health)}, interval: 5s, timeout: 2s, rise: 2, fall: 3 }\n`;
  return `# A first Evenkeel configuration. "evenkeel check --effective" prints it with every default filled in.

listeners:
  web:
    bind: ${JSON.stringify(listen)}
    protocol: http
    routes:
      # The most specific route wins, whatever the order.
      # - { path: /api/*, pool: api }
      # - { host: static.example.com, pool: static }
      - { pool: web }

pools:
  web:
    # See docs/reference/algorithms.md for the others.
    balance: least-connections
    endpoints:
${endpoints.join('\n')}
${checks}
# GET /status and /metrics (Prometheus).
admin: { bind: 127.0.0.1:9900 }

# One JSON object a line.
# accessLog: stdout
`;
}
