// Owns the small vocabulary in which a kind (algorithm, probe, ...) describes its options, so that pure slices need no
// schema library: `config/` turns these descriptions into types, defaults, JSON Schema, docs and errors with positions.

export type Option =
  | {
      readonly type: 'number';
      readonly integer?: boolean;
      readonly min?: number;
      readonly max?: number;
      readonly default: number;
      readonly doc: string;
    }
  | { readonly type: 'boolean'; readonly default: boolean; readonly doc: string }
  | { readonly type: 'choice'; readonly values: readonly string[]; readonly default: string; readonly doc: string }
  /** Written as `5s` or `250ms`; the kind receives milliseconds. */
  | {
      readonly type: 'duration';
      readonly min?: number;
      readonly max?: number;
      readonly default: number;
      readonly doc: string;
    };

/** The options of a kind whose configuration is C; `{}` when it has none. */
export type Schema<C> = { readonly [K in keyof C]: Option };

/** The configuration that holds when every option is left out. */
export function defaultsOf<C>(schema: Schema<C>): C {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries<Option>(schema)) values[name] = option.default;
  return values as C;
}
