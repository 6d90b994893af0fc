// Owns reading a configuration from a file (YAML, JSON or TypeScript) into the normalized form, with issues that know
// their line and column. It applies nothing.

import { readFile, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AnyBalancerKind } from '../balancing/index.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Predicate } from '../routing/route.ts';
import { compile } from './compile.ts';
import type { ConfigIssue } from './issues.ts';
import { locateInProgram, parseYaml, place, type Source } from './locate.ts';
import { liftPredicates } from './predicates.ts';
import type { Config } from './types.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const PROGRAMS = new Set(['.ts', '.mts', '.js', '.mjs']);

/** A filter of somebody's own, as far as it matters here; what it does is `http/filter.ts`. */
export interface OwnFilter {
  readonly name: string;
  build(...given: never[]): unknown;
}

/** What a program brings along besides its document. */
export interface OwnKinds {
  readonly balancers: readonly AnyBalancerKind[];
  readonly filters: readonly OwnFilter[];
  /** What routes name in `when`. */
  readonly predicates: ReadonlyMap<string, Predicate>;
}

const NOTHING: OwnKinds = { balancers: [], filters: [], predicates: new Map() };

export interface Loaded {
  readonly config: Config;
  /** What a program brought along; code cannot be sent to threads, so each loads the file itself. */
  readonly kinds: readonly AnyBalancerKind[];
  readonly predicates: ReadonlyMap<string, Predicate>;
  /** It brought code along. */
  readonly hasCode: boolean;
  readonly file: string;
  /** Puts line and column to what is found wrong later, such as in other files. */
  readonly place: (issues: readonly ConfigIssue[]) => ConfigIssue[];
}

export async function loadConfig(file: string): Promise<Result<Loaded, ConfigIssue[]>> {
  const path = resolve(file);
  let text: string;
  try {
    const info = await stat(path);
    if (!info.isFile()) return err([{ path: [], message: `cannot be read: ${file} is no file` }]);
    if (info.size > MAX_BYTES) return err([{ path: [], message: `cannot be read: ${file} is larger than 64 MiB` }]);
    text = await readFile(path, 'utf8');
  } catch (error) {
    return err([unreadable(file, error as NodeJS.ErrnoException)]);
  }
  return PROGRAMS.has(extname(path)) ? loadProgram(path, text) : loadText(text, path);
}

/** A document that is to stand in place of a file. */
export function loadText(text: string, path: string): Result<Loaded, ConfigIssue[]> {
  if (text.length > MAX_BYTES) return err([{ path: [], message: 'is larger than 64 MiB' }]);
  const source = parseYaml(text);
  if (source.issues.length > 0) return err(place(source.issues, source));
  return finish(source.document, NOTHING, source, path);
}

function unreadable(file: string, error: NodeJS.ErrnoException): ConfigIssue {
  if (error.code === 'ENOENT')
    return { path: [], message: `cannot be read: there is no file ${file}`, hint: 'evenkeel init writes a first one' };
  if (error.code === 'EACCES') return { path: [], message: `cannot be read: no permission to read ${file}` };
  return { path: [], message: `cannot be read: ${error.code ?? 'unknown error'}` };
}

function finish(document: unknown, own: OwnKinds, source: Source, file: string): Result<Loaded, ConfigIssue[]> {
  const { balancers, filters, predicates } = own;
  const names = filters.map(({ name }) => name);
  const compiled = compile(document, balancers, names, [...predicates.keys()]);
  if (!compiled.ok) return err(place(compiled.error, source));
  const hasCode = balancers.length + filters.length + predicates.size > 0;
  const brought = { kinds: balancers, predicates, hasCode };
  return ok({ config: compiled.value, ...brought, file, place: (issues) => place(issues, source) });
}

async function loadProgram(path: string, text: string): Promise<Result<Loaded, ConfigIssue[]>> {
  const source = locateInProgram(text);
  const imported = await importProgram(path);
  if (!imported.ok) return imported;
  const { balancers: _, filters: __, ...rest } = imported.value;
  const { document } = liftPredicates(rest);
  const own = ownKinds(imported.value);
  const issues = [
    ...broken('balancers', own.balancers, 'is no balancing kind: it needs name, needs, schema and build'),
    ...broken('filters', own.filters, 'is no filter: it needs name and build'),
  ];
  return issues.length > 0 ? err(place(issues, source)) : finish(document, own, source, path);
}

function ownKinds(exported: Record<string, unknown>): OwnKinds {
  const { balancers, filters } = exported;
  const listed = (value: unknown): readonly unknown[] =>
    Array.isArray(value) ? value : value === undefined ? [] : [value];
  return {
    balancers: listed(balancers) as AnyBalancerKind[],
    filters: listed(filters) as OwnFilter[],
    predicates: liftPredicates(exported).predicates,
  };
}

function broken(key: string, kinds: readonly OwnFilter[] | readonly AnyBalancerKind[], message: string): ConfigIssue[] {
  const at = kinds.findIndex((kind) => typeof kind?.name !== 'string' || typeof kind?.build !== 'function');
  return at < 0 ? [] : [{ path: [key, at], message }];
}

/** Fresh at each call: Node would hand out the first version for ever otherwise. */
async function importProgram(path: string): Promise<Result<Record<string, unknown>, ConfigIssue[]>> {
  try {
    const url = pathToFileURL(path);
    url.searchParams.set('loaded', `${process.hrtime.bigint()}`);
    const module = (await import(url.href)) as { default?: unknown };
    const exported = typeof module.default === 'function' ? await (module.default as () => unknown)() : module.default;
    if (typeof exported === 'object' && exported !== null) return ok(exported as Record<string, unknown>);
    return err([
      {
        path: [],
        message: 'must export its configuration as default',
        hint: 'export default defineConfig({ ... })',
        line: 1,
        column: 1,
      },
    ]);
  } catch (error) {
    return err([programIssue(path, error as Error)]);
  }
}

function programIssue(path: string, error: Error): ConfigIssue {
  const at = new RegExp(`${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}[^:\\s]*:(\\d+)(?::(\\d+))?`).exec(
    error.stack ?? '',
  );
  const message = `cannot be loaded: ${error.message.split('\n')[0]}`;
  return at === null ? { path: [], message } : { path: [], message, line: Number(at[1]), column: Number(at[2] ?? 1) };
}

/** The kinds alone, for worker threads. */
export async function loadKinds(file: string): Promise<OwnKinds> {
  const imported = await importProgram(file);
  return imported.ok ? ownKinds(imported.value) : NOTHING;
}
