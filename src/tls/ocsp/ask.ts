// Owns asking a responder over HTTP (RFC 6960 appendix A.1). What it says is judged elsewhere.

import { err, ok, type Result } from '../../core/result.ts';

const PATIENCE_MS = 10_000;
/** A real answer has one to three KiB. */
const MOST_BYTES = 64 * 1024;

export async function askResponder(url: string, request: Uint8Array): Promise<Result<Buffer, string>> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' },
      body: Buffer.from(request),
      redirect: 'error',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > MOST_BYTES) return err('the answer is larger than 64 KiB');
      parts.push(part);
    }
    return response.ok ? ok(Buffer.concat(parts)) : err(`the responder answered with status ${response.status}`);
  } catch (error) {
    return err(`the responder cannot be reached: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  const { cause, name } = error as { cause?: { code?: string; message?: string }; name?: string };
  return cause?.code ?? cause?.message ?? (name === 'TimeoutError' ? 'no answer in time' : 'unknown error');
}
