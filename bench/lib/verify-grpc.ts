// Owns the proof, before anything is measured, that a balancer carries gRPC: a client of grpc-js gets its own messages back, short
// and long ones.

import { readFileSync } from 'node:fs';
import { Client, credentials } from '@grpc/grpc-js';
import { SERVER_NAME } from './certificate.ts';
import { decodeMessage, encodeMessage, GRPC_METHOD, type Message } from './grpc.ts';
import type { Behind, Running } from './subjects.ts';

const CALLS = 12;

/** What is wrong with it, or undefined. */
export async function verifyGrpc({ port }: Running, { certificate }: Behind): Promise<string | undefined> {
  const secure = credentials.createSsl(readFileSync(certificate!.cert));
  const client = new Client(`127.0.0.1:${port}`, secure, { 'grpc.ssl_target_name_override': SERVER_NAME });
  const say = (text: string): Promise<Message> =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + 5000;
      client.makeUnaryRequest(GRPC_METHOD, encodeMessage, decodeMessage, { text }, { deadline }, (error, reply) => {
        if (error === null && reply !== undefined) resolve(reply);
        else reject(error ?? new Error('no message'));
      });
    });
  try {
    for (let i = 0; i < CALLS; i++) {
      const text = `${i} ${'é'.repeat(100 * i)}`;
      if ((await say(text)).text !== text) return `changes message ${i}`;
    }
    return undefined;
  } catch (error) {
    return `fails: ${(error as Error).message}`;
  } finally {
    client.close();
  }
}
