// Owns a balancer with its admin server in this process, as `evenkeel run` puts them together: what tests of the API begin with.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { stringify } from 'yaml';
import { startAdmin } from '../cli/admin-server.ts';
import { loadConfig } from '../config/load.ts';
import type { Log } from '../observe/log.ts';
import { FileConfigurations, kindsFileOf } from '../runtime/configurations.ts';
import { realEnv } from '../runtime/real-env.ts';
import { Runtime } from '../runtime/runtime.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  readonly body: any;
}

export interface AskOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AdminWorld {
  readonly runtime: Runtime;
  readonly configurations: FileConfigurations;
  readonly file: string;
  readonly folder: string;
  readonly origin: string;
  /** Lines of the log. */
  readonly said: string[];
  ask(method: string, path: string, options?: AskOptions): Promise<AdminAnswer>;
  stop(): Promise<void>;
  /** Only the admin server, on the same port; traffic goes on. */
  restartAdmin(meanwhile: () => Promise<void>): Promise<void>;
}

/** `document` without `admin.bind`, which is any free port. A folder of an earlier world begins where that ended. */
export async function adminWorld(
  t: TestContext,
  document: Readonly<Record<string, unknown>>,
  { folder: given = '', admin = {} as Readonly<Record<string, unknown>> } = {},
): Promise<AdminWorld> {
  const folder = given === '' ? mkdtempSync(join(tmpdir(), 'evenkeel-admin-')) : given;
  const file = join(folder, 'evenkeel.yaml');
  if (given === '') writeFileSync(file, stringify({ ...document, admin: { bind: '127.0.0.1:0', ...admin } }));
  const loaded = await loadConfig(file);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const env = realEnv();
  const said: string[] = [];
  const line = (message: string): void => void said.push(message);
  const log: Log = { info: line, warn: line, error: line };
  const runtime = new Runtime({ env, log, workers: 1, version: 'test', folder });
  const applied = await runtime.apply(loaded.value.config, kindsFileOf(loaded.value));
  if (!applied.ok) throw new Error(JSON.stringify(applied.error));
  const configurations = new FileConfigurations({
    clock: env.clock,
    file,
    loaded: loaded.value,
    text: readFileSync(file, 'utf8'),
    apply: (config, kindsFile) => runtime.apply(config, kindsFile),
    refuse: (reason) => runtime.refuse(reason),
  });
  const begin = async (port: number) => {
    const config = loaded.value.config.admin!;
    const bind = { ...config.bind, port };
    const parts = { folder, balancer: runtime, configurations, log, now: env.clock.epoch };
    const started = await startAdmin({ config: { ...config, bind }, ...parts });
    if (!started.ok) throw new Error(started.error);
    return started.value;
  };
  let server = await begin(loaded.value.config.admin!.bind.port);
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await server.close();
    await runtime.stop();
  };
  t.after(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const { port } = server;
  const origin = `http://127.0.0.1:${port}`;
  return {
    runtime,
    configurations,
    file,
    folder,
    origin,
    said,
    stop,
    async restartAdmin(meanwhile) {
      await server.close();
      await meanwhile();
      server = await begin(port);
    },
    async ask(method, path, { body, headers } = {}) {
      const isText = typeof body === 'string';
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: {
          'x-evenkeel': '1',
          ...(body === undefined ? {} : { 'content-type': isText ? 'application/yaml' : 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    },
  };
}
