// Everything at once, seeded: clients that pipeline, stall, leave and abort against upstreams that answer in every
// framing, break off, reset, and close idle connections. Nobody may get another's answer, every whole answer is right,
// and at the end nothing is left (the scenario checks that). EVENKEEL_SEED repeats the choices, though not the timing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { FakeUpstream, type Script } from '../../src/testing/fake-upstream.ts';
import { statusOf } from '../../src/testing/http-message.ts';
import { startProxy } from '../../src/testing/scenario.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

// The same in every run unless told otherwise: a new seed is for whoever looks for bugs, not for whoever waits for a build.
const SEED = Number(process.env.EVENKEEL_SEED ?? 20_261_123);

for (const pipelining of [1, 8]) {
  for (const adopt of [true, false]) {
    test(`pipelining ${pipelining}, ${adopt ? 'adopted' : 'portable'}: seed ${SEED}`, async (t) => {
      const random = seededRandom(SEED + pipelining);
      const below = (n: number) => random.u32() % n;

      /** Path, then a body that only this request can have. */
      const bodyOf = (path: string) => `${path}|`.repeat(1 + (Number(path.slice(1)) % 7 === 0 ? 9000 : 3));
      const script: Script = async (connection) => {
        for (;;) {
          const asked = await connection.request();
          if (asked === undefined) return;
          const body = bodyOf(asked.start.split(' ')[1]);
          const kind = below(40);
          if (kind === 0) return connection.reset();
          if (kind === 1) return connection.end();
          if (kind === 2) await wait(below(20));
          const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
          const plain = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${kind === 3 ? 'Connection: close\r\n' : ''}\r\n${body}`;
          const text = kind % 2 === 0 ? chunked : plain;
          if (kind === 4 || kind === 5) {
            await connection.writePieces([text.slice(0, below(text.length))]);
            return kind === 4 ? connection.reset() : connection.end();
          }
          // With others outstanding nobody could tell an extra answer from theirs.
          if (kind === 6 && pipelining === 1)
            connection.write(`${text}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`);
          else if (kind < 20) {
            const at = below(text.length);
            await connection.writePieces([text.slice(0, at), text.slice(at)]);
          } else connection.write(text);
          if (kind === 7) return connection.end();
          if (kind === 3) return connection.end();
        }
      };
      const upstreams = [await FakeUpstream.start(t, script), await FakeUpstream.start(t, script)];
      const proxy = await startProxy(t, {
        endpoints: upstreams,
        adopt,
        pool: {
          passive: 'off',
          maxInFlight: 12,
          retries: { backoff: '1ms', budget: '100%' },
          connection: { pipelining },
        },
      });

      let next = 0;
      let whole = 0;
      let failed = 0;
      const visit = async (): Promise<void> => {
        const client = await proxy.connect();
        const count = 1 + below(6);
        const paths = Array.from({ length: count }, () => `/${next++}`);
        const text = paths.map((path) => {
          const kind = below(3);
          if (kind === 0) return `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
          if (kind === 1) return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`;
          return `PUT ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
        });
        const all = text.join('');
        const leaves = below(5) === 0;
        const cuts = Array.from({ length: below(4) }, () => below(all.length)).toSorted((a, b) => a - b);
        const sent = client.writePieces(
          [0, ...cuts].map((from, i) =>
            all.slice(from, cuts[i] ?? (leaves ? Math.max(from, all.length - below(40)) : all.length)),
          ),
        );
        if (below(10) === 0) {
          client.socket.pause();
          setTimeout(() => client.socket.resume(), below(30));
        }
        if (leaves) {
          await sent;
          await wait(below(10));
          if (below(2) === 0) client.reset();
          else client.socket.destroy();
          return;
        }
        for (const path of paths) {
          const response = await client.response().catch(() => undefined);
          if (response === undefined) {
            failed++;
            assert.notEqual(client.ending, 'open', `${path} hangs`);
            break;
          }
          if (statusOf(response) !== 200) {
            assert.ok([502, 503].includes(statusOf(response)), `${path}: ${response.start}`);
            failed++;
            continue;
          }
          whole++;
          assert.equal(response.body.toString('latin1'), bodyOf(path), `seed ${SEED}: ${path}`);
        }
        client.socket.destroy();
        await sent;
      };
      const worker = async (): Promise<void> => {
        for (let i = 0; i < 12; i++) await visit();
      };
      await Promise.all(Array.from({ length: 30 }, worker));
      assert.ok(whole > 500 && failed < whole, `${whole} whole, ${failed} failed`);
    });
  }
}
