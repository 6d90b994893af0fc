// Owns talking to the admin API: the token, JSON in and out, and what is said when something is refused.

const KEY = 'evenkeel-token';

export interface Issue {
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
  readonly line?: number;
  readonly column?: number;
  readonly text?: string;
}

/** Refused by the balancer (status), or not reached (status 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly issues: readonly Issue[];

  constructor(status: number, message: string, issues: readonly Issue[] = []) {
    super(message);
    this.status = status;
    this.issues = issues;
  }
}

export const token = {
  get: (): string => sessionStorage.getItem(KEY) ?? '',
  set: (value: string): void => sessionStorage.setItem(KEY, value),
  forget: (): void => sessionStorage.removeItem(KEY),
};

export function fields(): Record<string, string> {
  const given = token.get();
  return { 'x-evenkeel': '1', ...(given === '' ? {} : { authorization: `Bearer ${given}` }) };
}

export interface Ask {
  readonly method?: string;
  /** An object goes as JSON, a text as a configuration. */
  readonly body?: object | string;
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

export async function ask<T>(path: string, options: Ask = {}): Promise<T> {
  const response = await call(path, options);
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return (isJson ? await response.json() : await response.text()) as T;
}

/** With the ETag. */
export async function askText(path: string): Promise<{ readonly text: string; readonly etag: string }> {
  const response = await call(path, {});
  return { text: await response.text(), etag: response.headers.get('etag') ?? '' };
}

async function call(path: string, { method = 'GET', body, ifMatch, signal }: Ask): Promise<Response> {
  const isText = typeof body === 'string';
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        ...fields(),
        ...(body === undefined ? {} : { 'content-type': isText ? 'application/yaml' : 'application/json' }),
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, 'the balancer does not answer');
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as {
    title?: string;
    detail?: string;
    issues?: readonly Issue[];
  };
  const { title = `status ${response.status}`, detail, issues = [] } = problem;
  throw new ApiError(response.status, detail === undefined ? title : `${title}: ${detail}`, issues);
}

/** Where an endpoint is in the API. Ids are `pool/host:port`. */
export function endpointPath(id: string): string {
  const at = id.indexOf('/');
  const [pool, address] = [id.slice(0, at), id.slice(at + 1)];
  return `/api/v1/pools/${encodeURIComponent(pool)}/endpoints/${encodeURIComponent(address)}`;
}
