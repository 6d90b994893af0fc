import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { IssueFailure, IssueRequest } from '../acme/issuer.ts';
import { compile } from '../config/compile.ts';
import type { Config } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { Authority } from '../testing/certificates.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { AcmeKeeper } from './acme-keeper.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const authority = await Authority.make();

type Answer = Result<{ key: string; chain: string }, IssueFailure>;

const failure = (step: IssueFailure['step'], retryAfterMs = 0): Answer => err({ step, reason: 'no', retryAfterMs });

interface Asked extends IssueRequest {
  /** Hours since the start of the test. */
  readonly at: number;
}

interface Options {
  readonly certificates?: readonly object[];
  readonly acme?: object;
  readonly plain?: boolean;
}

function configOf({ certificates = [{ acme: 'example.com' }], acme = {}, plain = true }: Options = {}): Config {
  const compiled = compile({
    acme: { storage: 'acme', agreeTerms: true, ...acme },
    listeners: {
      ...(plain ? { plain: { bind: '127.0.0.1:80', pool: 'p' } } : {}),
      web: { bind: '127.0.0.1:443', protocol: 'https', tls: { certificates }, pool: 'p' },
    },
    pools: { p: { endpoints: ['127.0.0.1:1'] } },
  });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.value;
}

/** A keeper whose authority answers as told; without an answer it issues. */
function world(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-acme-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = fakeClock();
  const start = clock.epoch();
  const asked: Asked[] = [];
  const answers: (Answer | Promise<Answer>)[] = [];
  const said: string[] = [];
  let closed = 0;
  let days = 90;
  /** What the authority was asked and the keeper has not come to an end with. */
  let open = 0;
  const say = (message: string, fields?: object): void => {
    said.push(message);
    // A challenge that failed was told before.
    const again = message.includes(': no certificate') && (fields as { step?: string })?.step === 'challenge';
    if (/new certificate|no certificate|-01 failed/.test(message) && !again) open--;
  };
  const issue = async (request: IssueRequest): Promise<Answer> => {
    asked.push({ ...request, at: (clock.epoch() - start) / HOUR });
    const answer = answers.shift();
    if (answer instanceof Promise) return answer.finally(() => open++);
    open++;
    if (answer !== undefined) return answer;
    const now = clock.epoch();
    const dates = { notBefore: new Date(now), notAfter: new Date(now + days * DAY) };
    const { cert, key } = await authority.issue({ ...request, ...dates });
    return ok({ key, chain: cert });
  };
  const make = (): AcmeKeeper => {
    const keeper = new AcmeKeeper({
      env: { clock, random: seededRandom(1) },
      log: { info: say, warn: say, error: say },
      folder,
      board: { publish: async () => undefined, withdraw: async () => undefined },
      issuerOf: () => ({ issue, close: () => closed++ }),
    });
    t.after(() => keeper.close());
    return keeper;
  };
  const keeper = make();
  const settled = async (): Promise<void> => {
    const until = performance.now() + 10_000;
    do {
      assert.ok(performance.now() < until, 'the keeper never comes to an end');
      await new Promise((resolve) => setImmediate(resolve));
    } while (open > 0);
  };
  return {
    keeper,
    make,
    clock,
    asked,
    answers,
    said,
    closed: () => closed,
    live: (life: number) => {
      days = life;
    },
    file: (name: string) => join(folder, 'acme', name),
    async apply(config: Config, on = keeper) {
      const prepared = await on.prepare(config);
      assert.ok(prepared.ok, JSON.stringify(prepared));
      on.commit();
    },
    /** In steps, so that what is asked on the way is answered. */
    async pass(ms: number, steps = 1) {
      for (let i = 0; i < steps; i++) {
        clock.advance(ms / steps);
        await settled();
      }
    },
  };
}

test('a certificate that is missing is temporary until it is there, and asked for at once', async (t) => {
  const { keeper, asked, said, apply, pass, file } = world(t);
  await apply(
    configOf({
      certificates: [{ acme: ['Example.com', 'www.example.com'] }, { acme: 'rsa.example.com', keyType: 'rsa' }],
    }),
  );
  assert.deepEqual(
    keeper.report.certificates.map(({ state }) => state),
    ['temporary', 'temporary'],
  );
  assert.match(readFileSync(file('example.com.ec.pem'), 'utf8'), /^Issued by: \n-----BEGIN PRIVATE KEY-----\n/);
  assert.equal(statSync(file('example.com.ec.pem')).mode & 0o777, 0o600);
  await pass(0);
  assert.deepEqual(
    asked.map(({ names, keyType, challenge }) => [names.join(), keyType, challenge]),
    [
      ['example.com,www.example.com', 'ec', 'tls-alpn-01'],
      ['rsa.example.com', 'rsa', 'tls-alpn-01'],
    ],
  );
  assert.deepEqual(
    keeper.report.certificates.map(({ state }) => state),
    ['good', 'good'],
  );
  assert.match(
    readFileSync(file('example.com.ec.pem'), 'utf8'),
    /^Issued by: https:\/\/acme-v02\.api\.letsencrypt\.org\/directory\n/,
  );
  assert.equal(said.filter((line) => line.includes('temporary')).length, 2);
});

test('it is renewed when about a third of its life is left, by the challenge that worked; what is stored is not asked for again', async (t) => {
  const { keeper, make, asked, answers, apply, pass } = world(t);
  answers.push(failure('challenge'));
  await apply(configOf());
  await pass(0);
  assert.deepEqual(
    asked.map(({ challenge }) => challenge),
    ['tls-alpn-01', 'http-01'],
  );
  assert.deepEqual([keeper.report.issued, keeper.report.failed], [1, 0]);
  keeper.close();
  const second = make();
  await apply(configOf(), second);
  await pass(54 * DAY, 54);
  assert.equal(asked.length, 2, 'nothing is due');
  assert.equal(second.report.certificates[0].state, 'good');
  await pass(8 * DAY, 8 * 24);
  assert.equal(asked.length, 3);
  const day = asked[2].at / 24;
  assert.ok(day > 55 && day < 61, `${day}`);
  await pass(65 * DAY, 65 * 4);
  assert.equal(asked.length, 4, 'and again after the next two thirds');
});

test('after a failure it waits, longer each time, but never beyond what the authority said, and the old one serves', async (t) => {
  const { keeper, asked, answers, apply, pass } = world(t);
  const config = configOf({ plain: false });
  await apply(config);
  await pass(0);
  for (let i = 0; i < 4; i++) answers.push(failure('order'));
  answers.push(failure('order', 10 * HOUR));
  await pass(61 * DAY, 61 * 24);
  const times = asked.slice(1, 6).map(({ at }) => at * 60);
  const pauses = times.slice(1).map((at, i) => at - times[i]);
  for (const [i, pause] of pauses.entries())
    assert.ok(pause >= 0.74 * 2 ** i && pause <= 1.26 * 2 ** i + 60, `pause ${i} of ${pause} minutes`);
  assert.ok(asked.length >= 7, 'it came in the end');
  assert.ok(asked[6].at - asked[5].at >= 10, 'the authority wanted to be left alone');
  assert.equal(keeper.report.failed, 5);
  assert.equal(keeper.report.certificates[0].state, 'good');
});

test('an authority that is not there is asked again soon, then more seldom', async (t) => {
  const { asked, answers, apply, pass, said } = world(t);
  for (let i = 0; i < 100; i++) answers.push(failure('account'));
  await apply(configOf());
  await pass(60_000, 600);
  const first = asked.length;
  assert.ok(first >= 3 && first <= 6, `${first} in the first minute`);
  await pass(HOUR, 720);
  assert.ok(asked.length - first <= 14, `${asked.length - first} in the next hour`);
  assert.match(said.join('\n'), /no certificate for example\.com: no; asked again in \d+ s/);
});

test('there are never more than 60 orders an hour, and not many at once', async (t) => {
  const { asked, apply, pass, keeper } = world(t);
  const certificates = Array.from({ length: 100 }, (_, i) => ({ acme: `n${i}.example.com` }));
  await apply(configOf({ certificates }));
  await pass(50 * 60_000, 300);
  assert.equal(asked.length, 60);
  await pass(20 * 60_000, 300);
  assert.equal(asked.length, 100);
  assert.equal(keeper.report.issued, 100);
});

test('a name is shown to be ours for one order at a time', async (t) => {
  const { asked, answers, apply, pass } = world(t);
  let release!: (answer: Answer) => void;
  answers.push(
    new Promise((resolve) => {
      release = resolve;
    }),
  );
  await apply(
    configOf({
      certificates: [
        { acme: ['a.example.com', 'b.example.com'] },
        { acme: 'b.example.com' },
        { acme: 'c.example.com' },
      ],
    }),
  );
  await pass(60_000, 10);
  assert.deepEqual(
    asked.map(({ names }) => names[0]),
    ['a.example.com', 'c.example.com'],
  );
  release(failure('order'));
  await pass(0);
  await pass(0);
  assert.deepEqual(
    asked.map(({ names }) => names[0]),
    ['a.example.com', 'c.example.com', 'b.example.com'],
  );
});

test('a reload keeps orders that run and what was learnt from failures; a name that is added keeps the old one serving', async (t) => {
  const { keeper, asked, answers, apply, pass, closed, said } = world(t);
  answers.push(failure('order'));
  await apply(configOf({ plain: false }));
  await pass(0);
  await apply(configOf({ plain: false }));
  await pass(30_000, 3);
  assert.equal(asked.length, 1, 'not sooner because of a reload');
  await pass(60_000, 6);
  assert.equal(keeper.report.certificates[0].state, 'good');
  await apply(configOf({ certificates: [{ acme: ['example.com', 'new.example.com'] }] }));
  assert.equal(keeper.report.certificates[0].state, 'due');
  assert.equal(said.filter((line) => line.includes('temporary')).length, 1, 'only at the start');
  await pass(0);
  assert.deepEqual(asked.at(-1)!.names, ['example.com', 'new.example.com']);
  assert.equal(closed(), 0);
  await apply(configOf({ acme: { directory: 'https://other.example/dir' } }));
  assert.equal(closed(), 1, 'what the old authority was asked is given up');
  assert.equal(keeper.report.certificates[0].state, 'due');
  await pass(0);
  assert.equal(keeper.report.certificates[0].state, 'good');
});

test('a stored file that is damaged is told and replaced; a folder that cannot be used is an error with its place', async (t) => {
  const { keeper, apply, said, file, pass, asked } = world(t);
  await apply(configOf());
  await pass(0);
  for (const text of ['', 'Issued by: x\nhalf', readFileSync(file('example.com.ec.pem'), 'utf8').slice(0, 400)]) {
    writeFileSync(file('example.com.ec.pem'), text);
    await apply(configOf());
    assert.match(said.at(-2)!, /^acme: example\.com\.ec\.pem .*: it is obtained anew$/);
    assert.equal(keeper.report.certificates[0].state, 'temporary');
    await pass(60_000, 6);
    assert.equal(keeper.report.certificates[0].state, 'good');
  }
  assert.equal(asked.length, 4);
  const refused = await keeper.prepare(configOf({ acme: { storage: 'acme/example.com.ec.pem' } }));
  assert.deepEqual(
    refused,
    err([{ path: ['acme', 'storage'], message: 'cannot be used: acme/example.com.ec.pem: EEXIST' }]),
  );
  const blind = await keeper.prepare(configOf({ acme: { ca: 'nothing.pem' } }));
  assert.deepEqual(blind, err([{ path: ['acme', 'ca'], message: 'cannot be used: nothing.pem: ENOENT' }]));
  assert.equal(keeper.report.certificates[0].state, 'good', 'what was refused changes nothing');
});

test('one that expired while nobody was looking is asked for at once, and serves until then', async (t) => {
  const { keeper, make, live, apply, pass, asked, answers, clock } = world(t);
  live(2);
  await apply(configOf({ plain: false }));
  await pass(0);
  keeper.close();
  clock.advance(3 * DAY);
  const later = make();
  answers.push(failure('order'));
  await apply(configOf({ plain: false }), later);
  await pass(0);
  assert.equal(later.report.certificates[0].state, 'expired');
  await pass(90_000, 9);
  assert.equal(later.report.certificates[0].state, 'good');
  assert.equal(asked.length, 3);
});
