// Owns a proxy with filters before an endpoint that answers as it is told: what tests of single filters begin with.

import type { TestContext } from 'node:test';
import { type Answer, answering, FakeUpstream, reply } from './fake-upstream.ts';
import { type Message, statusOf, valuesOf } from './http-message.ts';
import { request } from './raw-client.ts';
import { type ProxyOptions, type Proxy as Running, startProxy } from './scenario.ts';

export interface Told {
  readonly status: number;
  readonly body: Buffer;
  /** The first of that name; undefined for none. */
  field(name: string): string | undefined;
  all(name: string): string[];
}

export interface Filtered {
  readonly proxy: Running;
  readonly upstream: FakeUpstream;
  ask(start: string, fields?: Readonly<Record<string, string>>, body?: string): Promise<Told>;
  /** What the endpoint was asked last. */
  asked(): Message;
}

/** `answer` says what the endpoint replies. */
export async function filtered(
  t: TestContext,
  filters: readonly unknown[],
  answer: (request: Message) => Answer = () => reply('hello'),
  options: Omit<ProxyOptions, 'endpoints'> = {},
): Promise<Filtered> {
  const upstream = await FakeUpstream.start(t, answering(answer));
  const proxy = await startProxy(t, { ...options, endpoints: [upstream], listener: { filters, ...options.listener } });
  return {
    proxy,
    upstream,
    asked: () => upstream.requests.at(-1)!,
    async ask(start, fields, body) {
      const client = await proxy.connect();
      client.write(request(start, fields, body));
      const message = await client.response(start.split(' ')[0]);
      client.socket.destroy();
      return {
        status: statusOf(message),
        body: message.body,
        field: (name) => valuesOf(message, name)[0],
        all: (name) => valuesOf(message, name),
      };
    },
  };
}
