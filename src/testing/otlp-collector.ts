// Owns a test double of an OpenTelemetry collector: it takes what is posted to it as OTLP over HTTP in JSON, reads it strictly, and
// keeps the spans. No real collector is part of the tests.

import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' at the root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: 'server' | 'client';
  readonly startMs: number;
  readonly endMs: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly resource: Readonly<Record<string, string | number | boolean>>;
}

type AnyValue = { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean };
type KeyValues = readonly { key: string; value: AnyValue }[];
interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: KeyValues;
  status: { code: number };
}
interface OtlpRequest {
  resourceSpans: readonly {
    resource: { attributes: KeyValues };
    scopeSpans: readonly { scope: { name: string }; spans: readonly OtlpSpan[] }[];
  }[];
}

export class OtlpCollector {
  readonly spans: CollectedSpan[] = [];
  /** Fields of the newest request. */
  headers: IncomingHttpHeaders = {};
  /** What could not be read. */
  readonly faults: unknown[] = [];
  port = 0;
  #server: Server | undefined;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(port = 0): Promise<this> {
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        this.headers = request.headers;
        try {
          assert.equal(`${request.method} ${request.url}`, 'POST /v1/traces');
          assert.equal(request.headers['content-type'], 'application/json');
          this.#take(JSON.parse(Buffer.concat(pieces).toString()) as OtlpRequest);
          response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
        } catch (fault) {
          this.faults.push(fault);
          response.writeHead(400).end();
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  #take({ resourceSpans }: OtlpRequest): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      for (const { scope, spans } of scopeSpans) {
        assert.equal(scope.name, 'evenkeel');
        for (const span of spans) this.spans.push(read(span, valuesOf(resource.attributes)));
      }
    }
  }
}

const KINDS: Record<number, CollectedSpan['kind'] | undefined> = { 2: 'server', 3: 'client' };

function read(span: OtlpSpan, resource: CollectedSpan['resource']): CollectedSpan {
  assert.match(span.traceId, /^[0-9a-f]{32}$/);
  assert.match(span.spanId, /^[0-9a-f]{16}$/);
  assert.match(span.parentSpanId ?? '', /^([0-9a-f]{16})?$/);
  const kind = KINDS[span.kind];
  assert.ok(kind !== undefined, `kind ${span.kind}`);
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    traceState: span.traceState ?? '',
    name: span.name,
    kind,
    startMs: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
    endMs: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
    failed: span.status.code === 2,
    attributes: valuesOf(span.attributes),
    resource,
  };
}

function valuesOf(list: KeyValues): Record<string, string | number | boolean> {
  return Object.fromEntries(
    list.map(({ key, value }) => {
      const { stringValue, intValue, doubleValue, boolValue } = value;
      const known = stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue;
      assert.ok(known !== undefined, key);
      return [key, known];
    }),
  );
}
