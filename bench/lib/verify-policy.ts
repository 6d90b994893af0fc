// Owns the proof that a balancer does what it is measured for: a cache asks once, compression compresses.

import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { PAGE, TEXT } from './backends.ts';
import type { Running } from './subjects.ts';

interface Answer {
  readonly status: number;
  readonly age: string | undefined;
  readonly coding: string | undefined;
  readonly body: Buffer;
}

/** What is wrong with it, or undefined. */
export async function verifyPolicy({ port, subject }: Running, policy: 'cache' | 'gzip'): Promise<string | undefined> {
  if (policy === 'gzip') {
    const { coding, body } = await ask(port, '/text');
    return coding === 'gzip' && gunzipSync(body).toString() === TEXT ? undefined : 'does not compress';
  }
  await ask(port, '/cached');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const { status, age, body } = await ask(port, '/cached');
  if (status !== 200 || body.toString() !== PAGE) return `answers ${status} to GET /cached`;
  // nginx says nothing of the age; that it asks once is what its own proof of use is for.
  return subject.kind === 'nginx' || Number(age) >= 1 ? undefined : 'does not answer from its cache';
}

function ask(port: number, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { 'accept-encoding': 'gzip' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { age, 'content-encoding': coding } = response.headers;
        resolve({ status: response.statusCode ?? 0, age, coding, body: Buffer.concat(chunks) });
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}
