// Owns the way from how an API is configured to one that can be asked: relative paths begin at the folder of the configuration.

import { resolve } from 'node:path';
import type { ApiConfig } from '../config/types.ts';
import { Api } from '../platforms/api.ts';
import type { SourceTools } from './discovery.ts';

export function apiOf(
  { api, timeoutMs }: { readonly api: ApiConfig; readonly timeoutMs: number },
  { env, folder }: SourceTools,
  tokenField?: string,
): Api {
  const { clock } = env;
  return new Api({ ...placed(api, folder), clock, timeoutMs, ...(tokenField !== undefined && { tokenField }) });
}

export function placed(api: ApiConfig, folder: string): ApiConfig {
  const at = (path: string): string => (path === '' ? '' : resolve(folder, path));
  return { ...api, ca: at(api.ca), tokenFile: at(api.tokenFile) };
}
