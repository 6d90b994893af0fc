// Owns asking instances how busy their CPU is: all at once, each within a short time. Who does not answer is not known, never idle.

import { request } from 'node:http';
import { connect } from 'node:net';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/env.ts';
import type { CpuSource } from './configs.ts';
import { jsonField, parseAgentLine } from './metrics.ts';
import { type CpuReading, cpuBetween, cpuReading } from './prometheus-text.ts';

const TIMEOUT_MS = 2000;
const MOST_BYTES = 4 * 1024 * 1024;

export class CpuReader {
  readonly #source: CpuSource;
  readonly #clock: Clock;
  /** Of the look before, by address: counters say something only in pairs. */
  #before = new Map<string, CpuReading>();

  constructor(source: CpuSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** In the order of the addresses; 0-1, or more where several cores are busy. */
  async read(addresses: readonly Address[]): Promise<readonly (number | undefined)[]> {
    const now = new Map<string, CpuReading>();
    const values = await Promise.all(addresses.map((address) => this.#readOne(address, now)));
    this.#before = now;
    return values;
  }

  async #readOne({ host, port }: Address, readings: Map<string, CpuReading>): Promise<number | undefined> {
    const source = this.#source;
    if (source.kind === 'agent') return parseAgentLine((await askLine(host, source.port)) ?? '')?.values.get('cpu');
    const text = await askHttp(host, port, source.path);
    if (text === undefined) return undefined;
    if (source.kind === 'json') {
      try {
        return jsonField(JSON.parse(text), source.field);
      } catch {
        return undefined;
      }
    }
    const reading = cpuReading(text, this.#clock.now());
    if (reading === undefined) return undefined;
    const key = `${host}:${port}`;
    readings.set(key, reading);
    return cpuBetween(this.#before.get(key), reading);
  }
}

function askLine(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port });
    const end = (answer: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(undefined), TIMEOUT_MS);
    socket.on('error', () => end(undefined));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes('\n') || text.length > 4096) end(text);
    });
    socket.on('end', () => end(text === '' ? undefined : text));
  });
}

function askHttp(host: string, port: number, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MOST_BYTES) asked.destroy();
        else chunks.push(chunk);
      });
      // A document of a health check may be told with 503, and still tell.
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      response.on('error', () => resolve(undefined));
    });
    const timer = setTimeout(() => asked.destroy(), TIMEOUT_MS);
    asked.on('error', () => resolve(undefined));
    asked.on('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    asked.end();
  });
}
