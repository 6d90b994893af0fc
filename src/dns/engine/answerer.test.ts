import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecodedPacket } from 'dns-packet';
import type { Member, SteeredAnswer, SteeringQuery } from '../../steering/steering.ts';
import {
  answererOf,
  type DnsOptions,
  decode,
  dnsConfig,
  type QuestionOptions,
  question,
} from '../../testing/dns-scenario.ts';
import { outsideNames } from './alias-chain.ts';
import type { Answerer } from './answerer.ts';

type Json = Record<string, unknown>;

const zone = (records: Json, rest: Json = {}): DnsOptions['dns'] => ({
  rateLimit: 'off',
  nsid: 'ns1',
  zones: { 'example.com': { records, ...rest } },
});

const CLIENT = { address: '192.0.2.99', transport: 'udp' as const };

function raw(answerer: Answerer, packet: Uint8Array, transport: 'udp' | 'tcp' = 'udp'): Buffer {
  const answer = answerer.respond(packet, { ...CLIENT, transport });
  assert.ok(answer, 'an answer');
  return Buffer.from(answer);
}

function ask(
  answerer: Answerer,
  name: string,
  type = 'A',
  options: QuestionOptions = {},
): DecodedPacket & { code: number } {
  const packet = raw(answerer, question(name, type, options));
  return { ...decode(packet), code: packet[3] & 15 };
}

const data = (packet: DecodedPacket): unknown[] =>
  (packet.answers ?? []).map((record) => (record as { data: unknown }).data);
const soaTtl = (packet: DecodedPacket): number | undefined => (packet.authorities![0] as { ttl?: number }).ttl;

const ABC = ['203.0.113.1', '203.0.113.2', '203.0.113.3'];

test('several addresses rotate: [1,2,3], [2,3,1], [3,1,2]', () => {
  const answerer = answererOf({ dns: zone({ www: { A: ABC } }) });
  const orders = [1, 2, 3, 4].map(() => data(ask(answerer, 'www.example.com')));
  const [a, b, c] = ABC;
  assert.deepEqual(orders, [
    [a, b, c],
    [b, c, a],
    [c, a, b],
    [a, b, c],
  ]);
});

test('fixed keeps the order, and "answers" takes the first of the order', () => {
  const fixed = answererOf({ dns: zone({ www: { A: ABC, rotate: 'fixed', answers: 2 } }) });
  for (let i = 0; i < 3; i++) assert.deepEqual(data(ask(fixed, 'www.example.com')), ABC.slice(0, 2));
  const rotating = answererOf({ dns: zone({ www: { A: ABC, answers: 1 } }) });
  assert.deepEqual(
    [1, 2, 3, 4].flatMap(() => data(ask(rotating, 'www.example.com'))),
    [...ABC, ABC[0]],
  );
});

test('shuffle gives every order about as often', () => {
  const answerer = answererOf({ dns: zone({ www: { A: ABC, rotate: 'shuffle' } }) });
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = data(ask(answerer, 'www.example.com')).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const count of counts.values()) assert.ok(count > 850 && count < 1150, String(count));
});

test('weighted addresses are answered one at a time by their weights; weight 0 never', () => {
  const values = [{ value: ABC[0], weight: 3 }, ABC[1], { value: ABC[2], weight: 0 }];
  const answerer = answererOf({ dns: zone({ www: { A: values } }) });
  let first = 0;
  for (let i = 0; i < 4000; i++) {
    const [address, ...more] = data(ask(answerer, 'www.example.com'));
    assert.deepEqual(more, []);
    assert.notEqual(address, ABC[2]);
    if (address === ABC[0]) first++;
  }
  assert.ok(first > 2870 && first < 3130, String(first));
});

test('the question comes back letter for letter, and owners with it', () => {
  const packet = raw(answererOf({ dns: zone({ www: { A: ABC[0] } }) }), question('wWw.eXample.COM', 'A'));
  assert.match(packet.toString('latin1'), /\x03wWw\x07eXample\x03COM/);
  assert.equal(decode(packet).answers![0].name, 'wWw.eXample.COM');
});

test('negative answers carry the SOA with the TTL of RFC 2308', () => {
  const answerer = answererOf({
    dns: zone({ www: { A: ABC[0] }, 'a.b': { TXT: 'x' } }, { soa: { minimum: 90, ttl: 60 } }),
  });
  for (const [name, type, code] of [
    ['nope.example.com', 'A', 3],
    ['www.example.com', 'AAAA', 0],
    ['b.example.com', 'A', 0],
  ] as const) {
    const answer = ask(answerer, name, type);
    assert.deepEqual([answer.code, answer.answers, answer.authorities?.length, soaTtl(answer)], [code, [], 1, 60]);
    assert.ok(answer.flag_aa);
  }
});

test('names of others are refused without authority', () => {
  const answer = ask(answererOf({ dns: zone({ www: { A: ABC[0] } }) }), 'example.org');
  assert.deepEqual([answer.code, answer.flag_aa], [5, false]);
});

test('ANY gets one small record, where the name exists', () => {
  const answerer = answererOf({ dns: zone({ www: { A: ABC, TXT: 'x'.repeat(200) } }) });
  const answer = ask(answerer, 'www.example.com', 'ANY');
  assert.deepEqual(
    answer.answers!.map(({ type }) => type),
    ['HINFO'],
  );
  assert.deepEqual(data(answer), [{ cpu: 'RFC8482', os: '' }]);
  assert.equal(ask(answerer, 'nope.example.com', 'ANY').code, 3);
});

test('answers end at the size that the client can take, whole sets only, and TCP has them all', () => {
  const big = Array.from({ length: 100 }, (_, n) => `198.51.100.${n}`);
  const answerer = answererOf({ dns: zone({ big: { A: big } }) });
  for (const [edns, most] of [
    [undefined, 512],
    [600, 600],
    [1400, 1232],
  ] as const) {
    const packet = raw(answerer, question('big.example.com', 'A', edns === undefined ? {} : { edns }));
    assert.ok(packet.length <= most);
    assert.deepEqual([decode(packet).flag_tc, decode(packet).answers], [true, []]);
  }
  const whole = decode(raw(answerer, question('big.example.com', 'A'), 'tcp'));
  assert.deepEqual([whole.flag_tc, whole.answers!.length], [false, 100]);
});

test('an answer that just fits is sent', () => {
  // Header 12, question 17, records of 16 bytes each.
  const fits = Array.from({ length: 30 }, (_, n) => `198.51.100.${n}`);
  const answerer = answererOf({ dns: zone({ a: { A: fits }, b: { A: [...fits, '198.51.100.200'] } }) });
  const packet = raw(answerer, question('a.example.com', 'A'));
  assert.equal(packet.length, 12 + 19 + 30 * 16);
  assert.equal(decode(packet).flag_tc, false);
  assert.equal(ask(answerer, 'b.example.com').flag_tc, true);
});

function option(code: number, ...bytes: number[]): QuestionOptions {
  return { edns: 1232, options: [{ code, data: Buffer.from(bytes) } as never] };
}

const optionsOf = (packet: DecodedPacket): { code: number; data: Buffer }[] =>
  (packet.additionals!.find(({ type }) => type === 'OPT') as unknown as { options: { code: number; data: Buffer }[] })
    .options;

test('NSID is told to who asks for it, and as id.server in class CHAOS', () => {
  const answerer = answererOf({ dns: zone({ www: { A: ABC[0] } }) });
  const [told] = optionsOf(ask(answerer, 'www.example.com', 'A', option(3)));
  assert.equal(told.data.toString(), 'ns1');
  assert.deepEqual(optionsOf(ask(answerer, 'www.example.com', 'A', { edns: 1232 })), []);
  const chaos = question('id.server', 'TXT');
  chaos[chaos.length - 1] = 3;
  assert.equal(String(data(decode(raw(answerer, chaos)))[0]), 'ns1');
});

test('a later version of EDNS is answered with BADVERS', () => {
  const packet = question('www.example.com', 'A', { edns: 1232 });
  packet[packet.length - 5] = 1;
  const answer = raw(answererOf({ dns: zone({ www: { A: ABC[0] } }) }), packet);
  const opt = answer.subarray(-11);
  assert.deepEqual([answer[3] & 15, opt[5], opt[6]], [0, 1, 0]);
  assert.equal(answer.readUInt16BE(6), 0);
});

test('a signed query is answered with NOTAUTH, a client without EDNS gets none', () => {
  const answerer = answererOf({ dns: zone({ www: { A: ABC[0] } }) });
  const packet = question('www.example.com', 'A');
  packet[11] = 1;
  const signed = Buffer.concat([packet, Buffer.from([0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0])]);
  assert.equal(raw(answerer, signed)[3] & 15, 9);
  assert.deepEqual(ask(answerer, 'www.example.com').additionals, []);
});

test('cookies: a client gets one, and is not limited when it brings it back', () => {
  const answerer = answererOf({
    dns: { ...zone({ www: { A: ABC[0] } }), rateLimit: { responses: 1, slip: 0 } },
    now: () => 5,
  });
  const first = optionsOf(ask(answerer, 'www.example.com', 'A', option(10, 1, 2, 3, 4, 5, 6, 7, 8)));
  assert.equal(first[0].data.length, 24);
  const silent = answerer.respond(question('www.example.com', 'A', option(10, 1, 2, 3, 4, 5, 6, 7, 8)), CLIENT);
  assert.equal(silent, undefined);
  assert.equal(answerer.suppressed, 'limited');
  for (let i = 0; i < 5; i++)
    assert.equal(data(ask(answerer, 'www.example.com', 'A', option(10, ...first[0].data))).length, 1);
  assert.equal(
    answerer.respond(question('www.example.com', 'A', option(10, ...first[0].data.subarray(0, 23), 0)), CLIENT),
    undefined,
  );
});

test('above the limit every n-th answer is truncated and empty, and TCP is not limited', () => {
  const answerer = answererOf({
    dns: { ...zone({ www: { A: ABC } }), rateLimit: { responses: 1, slip: 1 } },
    now: () => 5,
  });
  assert.equal(data(ask(answerer, 'www.example.com')).length, 3);
  const slipped = ask(answerer, 'www.example.com');
  assert.deepEqual([slipped.flag_tc, slipped.answers], [true, []]);
  assert.equal(decode(raw(answerer, question('www.example.com', 'A'), 'tcp')).answers!.length, 3);
});

interface Site {
  addresses4?: string[];
  addresses6?: string[];
  up?: boolean;
  ttl?: number;
  scope?: number;
  seen?: Partial<SteeringQuery>[];
}

function site(
  name: string,
  { addresses4 = [], addresses6 = [], up = true, ttl = Infinity, scope = 0, seen }: Site,
): Member {
  return {
    name,
    resolve(query): SteeredAnswer | undefined {
      seen?.push({ client: { ...query.client }, family: query.family, ignoreHealth: query.ignoreHealth });
      if (!up && !query.ignoreHealth) return undefined;
      return { addresses: query.family === 4 ? addresses4 : addresses6, ttlSeconds: ttl, scope };
    },
  };
}

const SUBNET = [0, 1, 24, 0, 198, 51, 100];

test('a steered name has the addresses of its member, with the shorter TTL and an honest scope', () => {
  const seen: Partial<SteeringQuery>[] = [];
  const eu = site('eu', {
    addresses4: ['192.0.2.1', '192.0.2.2'],
    addresses6: ['2001:db8::1'],
    ttl: 7.9,
    scope: 20,
    seen,
  });
  const answerer = answererOf({ dns: zone({ app: { ttl: 30, steer: 'eu', TXT: 'x' } }), members: { eu } });
  const answer = ask(answerer, 'app.example.com', 'A', option(8, ...SUBNET));
  assert.deepEqual(data(answer), ['192.0.2.1', '192.0.2.2']);
  assert.equal((answer.answers![0] as { ttl?: number }).ttl, 7);
  const [subnet] = optionsOf(answer);
  assert.deepEqual([...(subnet as unknown as { data: Buffer }).data], [0, 1, 24, 20, 198, 51, 100]);
  assert.deepEqual(seen[0].client, { address: '198.51.100.0', prefix: 24, from: 'ecs' });
  assert.deepEqual(data(ask(answerer, 'app.example.com', 'AAAA')), ['2001:db8::1']);
  assert.deepEqual(seen[1].client, { address: '192.0.2.99', prefix: 32, from: 'resolver' });
  assert.equal(answerer.lookup.decidedBy, 'eu');
  const text = ask(answerer, 'app.example.com', 'TXT', option(8, ...SUBNET));
  assert.equal(text.answers!.length, 1);
  assert.equal((optionsOf(text)[0] as unknown as { data: Buffer }).data[3], 0, 'plain records are for everybody');
});

test('a subnet is neither believed nor answered when ecs is off, and one of no bits has scope 0', () => {
  const seen: Partial<SteeringQuery>[] = [];
  const eu = site('eu', { addresses4: ['192.0.2.1'], scope: 24, seen });
  const records = { app: { steer: 'eu' } };
  const off = answererOf({ dns: { ...zone(records), ecs: false }, members: { eu } });
  assert.deepEqual(optionsOf(ask(off, 'app.example.com', 'A', option(8, ...SUBNET))), []);
  assert.equal(seen[0].client!.from, 'resolver');
  const on = answererOf({ dns: zone(records), members: { eu } });
  const [subnet] = optionsOf(ask(on, 'app.example.com', 'A', option(8, 0, 1, 0, 0)));
  assert.deepEqual([...(subnet as unknown as { data: Buffer }).data], [0, 1, 0, 0]);
});

test('a steered name rotates, and answers as many as it is told', () => {
  const eu = site('eu', { addresses4: ABC });
  const answerer = answererOf({ dns: zone({ app: { steer: 'eu', answers: 2 } }), members: { eu } });
  const orders = [1, 2].map(() => data(ask(answerer, 'app.example.com')));
  assert.deepEqual(orders, [
    [ABC[0], ABC[1]],
    [ABC[1], ABC[2]],
  ]);
});

test('when all is down: open answers as if it were up, closed has no addresses, fallback asks another', () => {
  const eu = site('eu', { addresses4: ['192.0.2.1'], up: false });
  const us = site('us', { addresses4: ['192.0.2.2'] });
  const ap = site('ap', { addresses4: ['192.0.2.3'], up: false });
  const records = {
    open: { steer: 'eu', allDown: 'open' },
    closed: { ttl: 5, steer: 'eu', allDown: 'closed' },
    fallback: { steer: 'eu', allDown: 'fallback', fallback: 'us' },
    both: { steer: 'eu', allDown: 'fallback', fallback: 'ap' },
  };
  const answerer = answererOf({ dns: zone(records), members: { eu, us, ap } });
  assert.deepEqual(data(ask(answerer, 'open.example.com')), ['192.0.2.1']);
  const closed = ask(answerer, 'closed.example.com');
  assert.deepEqual([closed.code, closed.answers, soaTtl(closed)], [0, [], 5]);
  assert.deepEqual(data(ask(answerer, 'fallback.example.com')), ['192.0.2.2']);
  assert.equal(answerer.lookup.decidedBy, 'us');
  assert.deepEqual(data(ask(answerer, 'both.example.com')), ['192.0.2.3'], 'the fallback, opened');
});

test("ALIAS has its target's addresses: in the zone, through CNAMEs, in another zone, steered, outside", () => {
  const eu = site('eu', { addresses4: ['192.0.2.1'], scope: 16 });
  const asked: string[] = [];
  const external = {
    find: (name: string, family: 4 | 6) => {
      asked.push(`${name} ${family}`);
      return name === 'cdn.example.net.' && family === 4 ? { addresses: ['198.51.100.9'], ttlSeconds: 11 } : undefined;
    },
  };
  const dns = {
    rateLimit: 'off',
    zones: {
      'example.com': {
        records: {
          '@': { ALIAS: 'cname', MX: '10 mail' },
          cname: { CNAME: 'www' },
          www: { ttl: 20, A: ABC[0] },
          wild: { ALIAS: 'x.w' },
          '*.w': { A: ABC[1] },
          other: { ALIAS: 'a.example.org.' },
          chosen: { ALIAS: 'app' },
          app: { ttl: 9, steer: 'eu' },
          outside: { ALIAS: 'CDN.example.net.' },
          unknown: { ALIAS: 'nobody.example.net.' },
          self: { ALIAS: 'self' },
          missing: { ALIAS: 'nope' },
        },
      },
      'example.org': { records: { a: { A: ABC[2] } } },
    },
  };
  const answerer = answererOf({ dns, members: { eu }, external });
  const apex = ask(answerer, 'example.com');
  assert.deepEqual(
    apex.answers!.map((record) => [record.name, (record as { ttl?: number }).ttl]),
    [['example.com', 20]],
  );
  assert.deepEqual(data(apex), [ABC[0]]);
  assert.equal(ask(answerer, 'example.com', 'MX').answers!.length, 1);
  assert.deepEqual(ask(answerer, 'example.com', 'AAAA').answers, []);
  assert.deepEqual(data(ask(answerer, 'wild.example.com')), [ABC[1]]);
  assert.deepEqual(data(ask(answerer, 'other.example.com')), [ABC[2]]);
  assert.deepEqual(data(ask(answerer, 'chosen.example.com')), ['192.0.2.1']);
  assert.deepEqual(data(ask(answerer, 'outside.example.com')), ['198.51.100.9']);
  assert.equal(ask(answerer, 'unknown.example.com').code, 2);
  assert.equal(ask(answerer, 'self.example.com').code, 2);
  const missing = ask(answerer, 'missing.example.com');
  assert.deepEqual([missing.code, missing.answers, missing.authorities!.length], [0, [], 1]);
  assert.deepEqual(asked, ['cdn.example.net. 4', 'nobody.example.net. 4']);
});

test('ALIAS leads out of the zones by CNAME and delegation too, and whoever looks names up is told which', () => {
  const options = {
    dns: {
      rateLimit: 'off',
      zones: {
        'example.com': {
          records: {
            '@': { ALIAS: 'www' },
            www: { CNAME: 'CDN.example.net.' },
            '*.wild': { ALIAS: 'cdn2.example.net.' },
            sub: { NS: 'ns.elsewhere.org.' },
            given: { ALIAS: 'x.sub' },
            inside: { ALIAS: 'a' },
            a: { A: ABC[0] },
            steered: { ALIAS: 'app' },
            app: { steer: 'eu' },
            plain: { CNAME: 'not-asked.example.net.' },
            circle: { ALIAS: 'circle' },
          },
        },
        'example.org': { records: { '@': { ALIAS: 'other.example.com.' }, gone: { ALIAS: 'cdn3.example.net.' } } },
      },
    },
    members: { eu: site('eu', { addresses4: ['192.0.2.1'] }) },
  };
  const { zones } = answererOf(options).settings;
  assert.deepEqual([...outsideNames(zones, dnsConfig(options))].sort(), [
    'cdn.example.net.',
    'cdn2.example.net.',
    'cdn3.example.net.',
    'x.sub.example.com.',
  ]);
  const external = {
    find: (name: string) =>
      name === 'x.sub.example.com.'
        ? { addresses: ['198.51.100.9'], ttlSeconds: 11 }
        : { addresses: [], ttlSeconds: 60 },
  };
  const answerer = answererOf({ ...options, external });
  assert.deepEqual(data(ask(answerer, 'given.example.com')), ['198.51.100.9']);
  const none = ask(answerer, 'example.com');
  assert.deepEqual([none.code, none.answers], [0, []], 'a target without addresses');
});

test('a zone below another of ours answers for its names, and the parent for its DS', () => {
  const dns = {
    rateLimit: 'off',
    zones: {
      'example.com': { records: { sub: { NS: 'ns.sub', DS: '1 13 2 0102' }, 'ns.sub': { A: ABC[0] } } },
      'sub.example.com': { records: { '@': { A: ABC[1] }, ns: { A: ABC[0] } } },
    },
  };
  const answerer = answererOf({ dns });
  assert.deepEqual(data(ask(answerer, 'sub.example.com')), [ABC[1]]);
  assert.equal(ask(answerer, 'sub.example.com', 'DS').answers!.length, 1);
});

test('types that exist only inside are never answered', () => {
  const eu = site('eu', { addresses4: ABC });
  const answerer = answererOf({ dns: zone({ app: { steer: 'eu' }, al: { ALIAS: 'app' } }), members: { eu } });
  for (const [name, type] of [
    ['app', 65402],
    ['al', 65401],
  ] as const) {
    const packet = question(`${name}.example.com`, 'A');
    packet.writeUInt16BE(type, packet.length - 4);
    const answer = decode(raw(answerer, packet));
    assert.deepEqual([answer.answers, answer.authorities!.length], [[], 1]);
  }
});
