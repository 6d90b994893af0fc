// When responders are asked, what becomes of their answers, and what a responder that fails changes: nothing but what is told.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { err, ok, type Result } from '../core/result.ts';
import type { Log } from '../observe/log.ts';
import { Authority, CertificateFolder, type Issued } from '../testing/certificates.ts';
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts';
import { answerOf, type Standing } from '../testing/ocsp-responder.ts';
import { needs } from '../testing/programs.ts';
import { readCertificate } from '../tls/certificate.ts';
import type { CertificateMaterial } from '../tls/material.ts';
import { KnownStaples } from '../tls/staples.ts';
import { OcspKeeper } from './ocsp-keeper.ts';

const skip = needs('openssl');
const authority = await Authority.make();
const HOUR_MS = 3_600_000;

interface World {
  readonly keeper: OcspKeeper;
  readonly clock: FakeClock;
  readonly staples: KnownStaples;
  readonly lines: string[];
  /** What the responder does from now on. */
  responder: (request: Buffer) => Result<Buffer, string>;
  asked: number;
  most: number;
  /** Moves time, and lets answers come. */
  pass(ms: number): Promise<void>;
}

function start(): World {
  const clock = fakeClock();
  const began = Date.now() - clock.epoch();
  const real = clock.epoch;
  Object.assign(clock, { epoch: () => real() + began });
  const lines: string[] = [];
  const line = (text: string): number => lines.push(text);
  const log = { info: line, warn: line, error: line } as unknown as Log;
  const staples = new KnownStaples();
  let running = 0;
  const world: World = {
    clock,
    staples,
    lines,
    responder: () => err('nobody there'),
    asked: 0,
    most: 0,
    async pass(ms) {
      for (let left = ms; left > 0; left -= 30_000) {
        clock.advance(Math.min(left, 30_000));
        for (let i = 0; i < 4; i++) await turn();
      }
    },
    keeper: new OcspKeeper({
      clock,
      random: { u32: () => 0, unit: () => 0 },
      log,
      ask: async (_url, request) => {
        world.asked++;
        world.most = Math.max(world.most, ++running);
        await turn();
        running--;
        return world.responder(Buffer.from(request));
      },
      onStaples: (all) => staples.learn(all),
    }),
  };
  return world;
}

async function certificate(name: string, chain = authority.pem): Promise<[Issued, CertificateMaterial]> {
  const issued = await authority.issue({ names: [name], ocsp: 'http://127.0.0.1:1/' });
  const read = readCertificate(`${issued.cert}${chain}`, issued.key, `${name}.pem`);
  assert.ok(read.ok);
  return [issued, read.value];
}

/** Answers of an hour from now. */
function answering(t: TestContext, world: World, issued: Issued, standing: Standing = 'good'): World['responder'] {
  const folder = new CertificateFolder(t);
  const signer = { cert: authority.pem, key: authority.keyPem };
  return (request) => {
    const minutes = 60 + Math.round((world.clock.epoch() - Date.now()) / 60_000);
    return ok(answerOf(folder, authority, signer, [[issued, standing]], request, minutes));
  };
}

test('a good answer is stapled, and asked for again at half its time', { skip }, async (t) => {
  const world = start();
  const [issued, material] = await certificate('a.example');
  world.responder = answering(t, world, issued);
  world.keeper.watch([material]);
  await world.pass(1);
  assert.ok(world.staples.of(material.id));
  assert.deepEqual(world.keeper.report, { stapled: 1, missing: 0, good: 1, failed: 0 });
  await world.pass(0.4 * HOUR_MS);
  assert.equal(world.asked, 1);
  await world.pass(0.2 * HOUR_MS);
  assert.equal(world.asked, 2);
  world.keeper.watch([material]);
  await world.pass(1);
  assert.equal(world.asked, 2, 'a reload asks nothing');
  assert.deepEqual(world.lines, []);
  world.keeper.close();
  assert.equal(world.clock.pending, 0);
});

test('a responder that fails: the answer stays while it holds, pauses grow, it is told once, and then taken back', {
  skip,
}, async (t) => {
  const world = start();
  const [issued, material] = await certificate('a.example');
  const good = answering(t, world, issued);
  world.responder = good;
  world.keeper.watch([material]);
  await world.pass(1);
  world.responder = () => err('the responder answered with status 500');
  await world.pass(0.9 * HOUR_MS);
  assert.ok(world.staples.of(material.id));
  assert.ok(world.asked >= 4 && world.asked <= 7, `${world.asked}`);
  assert.equal(world.lines.length, 1);
  assert.match(
    world.lines[0],
    /for a\.example\.pem: the responder answered with status 500; the last answer is stapled/,
  );
  await world.pass(0.2 * HOUR_MS);
  assert.equal(world.staples.of(material.id), undefined, 'it has ended');
  assert.match(world.lines[1], /nothing is stapled/);
  assert.equal(world.keeper.report.missing, 1);
  const before = world.asked;
  await world.pass(10 * HOUR_MS);
  assert.ok(world.asked - before <= 12, 'once an hour at most in the end');
  assert.equal(world.lines.length, 2);
  world.responder = good;
  await world.pass(HOUR_MS + 1);
  assert.ok(world.staples.of(material.id));
  assert.match(world.lines[2], /answers again/);
});

test('an answer that is not good is not stapled, and the reason is told', { skip }, async (t) => {
  const world = start();
  const [issued, material] = await certificate('a.example');
  world.responder = answering(t, world, issued, 'revoked');
  world.keeper.watch([material]);
  await world.pass(1);
  assert.equal(world.staples.of(material.id), undefined);
  assert.match(world.lines[0], /the certificate is REVOKED; nothing is stapled/);
  world.responder = () => ok(Buffer.from('<html>'));
  await world.pass(HOUR_MS);
  assert.match(world.lines[1], /the answer cannot be read/);
});

test('who names no responder is left alone, and whose chain lacks its issuer is told of', async () => {
  const world = start();
  const plain = await authority.issue({ names: ['b.example'] });
  const read = readCertificate(`${plain.cert}${authority.pem}`, plain.key, 'b.pem');
  assert.ok(read.ok);
  const [, alone] = await certificate('c.example', '');
  world.keeper.watch([read.value, alone]);
  await world.pass(HOUR_MS);
  assert.equal(world.asked, 0);
  assert.deepEqual(world.keeper.report, { stapled: 0, missing: 0, good: 0, failed: 0 });
  assert.match(world.lines[0], /c\.example\.pem holds no certificate of its issuer/);
});

test('certificates that go are forgotten, and their answers taken back; few are asked for at once', {
  skip,
}, async (t) => {
  const world = start();
  const all = await Promise.all(Array.from({ length: 12 }, (_, i) => certificate(`${i}.example`)));
  const [issued, material] = all[3];
  world.responder = answering(t, world, issued);
  world.keeper.watch(all.map(([, one]) => one));
  await world.pass(1);
  await world.pass(1);
  await world.pass(1);
  await world.pass(1);
  assert.equal(world.asked, 12);
  assert.ok(world.most <= 4, `${world.most}`);
  assert.ok(world.staples.of(material.id));
  assert.deepEqual(
    world.keeper.all.map(({ id }) => id),
    [material.id],
  );
  world.keeper.watch([]);
  assert.equal(world.staples.of(material.id), undefined);
  assert.equal(world.clock.pending, 0);
});
