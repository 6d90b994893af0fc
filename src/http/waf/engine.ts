// Owns the native engine of the web application firewall (libddwaf): loads it, which may fail on a platform it was not built
// for, and says then what can be done. It is an optional dependency, and never replaced by nothing in silence.

import { createRequire } from 'node:module';
import { err, ok, type Result } from '../../core/result.ts';

export interface EngineMatch {
  readonly rule: {
    readonly id: string;
    readonly name: string;
    readonly tags: Readonly<Record<string, string>>;
  };
  readonly rule_matches: readonly {
    readonly parameters: readonly {
      readonly address: string;
      readonly key_path: readonly (string | number)[];
      readonly value: string;
      readonly highlight: readonly string[];
    }[];
  }[];
}

export interface EngineResult {
  readonly timeout: boolean;
  readonly events?: readonly EngineMatch[];
}

export interface EngineContext {
  run(payload: { readonly persistent: object }, budgetUs: number): EngineResult;
  dispose(): void;
}

export interface EngineInstance {
  readonly diagnostics: {
    readonly rules?: {
      readonly loaded?: readonly string[];
      readonly errors?: Readonly<Record<string, readonly string[]>>;
      readonly error?: string;
    };
    readonly exclusions?: { readonly failed?: readonly string[]; readonly error?: string };
  };
  createContext(): EngineContext;
  dispose(): void;
}

export interface Engine {
  new (
    rules: object,
    path: string,
    config: { readonly obfuscatorKeyRegex: string; readonly obfuscatorValueRegex: string },
  ): EngineInstance;
  version(): string;
}

const require = createRequire(import.meta.url);

function native(): Engine {
  return (require('@datadog/native-appsec') as { readonly DDWAF: Engine }).DDWAF;
}

/** The error is for the operator. */
export function loadEngine(load: () => Engine = native): Result<Engine, string> {
  try {
    const engine = load();
    engine.version();
    return ok(engine);
  } catch (error) {
    const { platform, arch, version } = process;
    const reason = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0].slice(0, 200);
    return err(
      `needs the native engine @datadog/native-appsec, which does not load on ${platform}-${arch} with Node ${version}: ${reason}`,
    );
  }
}

export const WITHOUT_ENGINE =
  'install without --omit=optional and run without --no-addons, on Linux (glibc or musl), macOS or Windows; or set "mode: off"';
