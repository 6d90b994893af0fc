// ALIAS to names outside the zones, against a real name server that dies, comes back, and changes its mind.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { askUdp, decode, question } from '../../src/testing/dns-scenario.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { nsd } from '../../src/testing/nsd.ts';
import { needs } from '../../src/testing/programs.ts';

const zoneText = (records: string): string =>
  `$ORIGIN example.org.\n$TTL 60\n@ SOA ns admin 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n${records}`;

/** `refused` records an address that nobody answers at. */
async function start(t: TestContext, resolver: number, records: object) {
  const [port, adminPort] = await freePorts(2);
  const balancer = await BalancerProcess.start(
    {
      workers: 2,
      admin: { bind: `127.0.0.1:${adminPort}` },
      dns: {
        bind: `127.0.0.1:${port}`,
        resolvers: `127.0.0.1:${resolver}`,
        zones: { 'example.com': { records } },
      },
    },
    { adminPort },
  );
  t.after(() => balancer.stop());
  const ask = async (name: string, type = 'A') => {
    const answer = decode(await askUdp(port, question(name, type)));
    const records = (answer.answers ?? []) as { data: string; ttl: number }[];
    return {
      code: (answer as { rcode?: string }).rcode,
      addresses: records.map(({ data }) => data).sort(),
      ttl: Math.min(...records.map(({ ttl }) => ttl)),
    };
  };
  /** Both workers have it when it comes often in a row. */
  const until = async (name: string, wanted: readonly string[]): Promise<void> => {
    const began = performance.now();
    for (let inARow = 0; inARow < 20; ) {
      const { addresses } = await ask(name);
      inARow = addresses.join() === wanted.join() ? inARow + 1 : 0;
      assert.ok(performance.now() - began < 20_000, `${name} is still ${addresses.join()}, wanted ${wanted.join()}`);
      if (inARow === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length),
    );
  };
  return { balancer, ask, until, metric };
}

test('targets elsewhere are known at the first answer, outlive their name server, and follow it when it is back', {
  skip: needs('nsd'),
}, async (t) => {
  const [port] = await freePorts(1);
  const zones = (cdn: string) => [
    { name: 'example.org', text: zoneText(`${cdn}\nfar CNAME cdn\nsix AAAA 2001:db8::1\n`) },
  ];
  const first = await nsd(port, zones('cdn 5 A 192.0.2.1\ncdn 5 A 192.0.2.2'));
  t.after(() => first.stop());
  const { balancer, ask, until, metric } = await start(t, port, {
    '@': { ALIAS: 'cdn.example.org.', ttl: 300 },
    far: { ALIAS: 'near', ttl: 300 },
    near: { CNAME: 'far.example.org.' },
    six: { ALIAS: 'six.example.org.', ttl: 20 },
    missing: { ALIAS: 'missing.example.org.' },
    refused: { ALIAS: 'cdn.example.net.' },
  });
  const apex = await ask('example.com');
  assert.deepEqual(apex.addresses, ['192.0.2.1', '192.0.2.2']);
  assert.ok(apex.ttl >= 1 && apex.ttl <= 5, `${apex.ttl} is not what is left of 5`);
  assert.deepEqual((await ask('far.example.com')).addresses, ['192.0.2.1', '192.0.2.2']);
  assert.deepEqual(await ask('six.example.com', 'AAAA'), { code: 'NOERROR', addresses: ['2001:db8::1'], ttl: 20 });
  assert.deepEqual([(await ask('six.example.com')).code, (await ask('six.example.com')).addresses], ['NOERROR', []]);
  assert.equal((await ask('missing.example.com')).code, 'NOERROR', 'it has no addresses');
  assert.equal((await ask('refused.example.com')).code, 'SERVFAIL', 'nobody could say');
  assert.equal(await metric('evenkeel_dns_alias_targets{state="unknown"}'), 2);

  await first.kill();
  const failed = await metric('evenkeel_dns_alias_lookups_total{result="failed"}');
  const began = performance.now();
  while ((await metric('evenkeel_dns_alias_targets{state="late"}')) === 0) {
    assert.ok(performance.now() - began < 15_000, 'no lookup failed');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok((await metric('evenkeel_dns_alias_lookups_total{result="failed"}')) > failed);
  const late = await ask('example.com');
  assert.deepEqual(late.addresses, ['192.0.2.1', '192.0.2.2'], 'the last good ones');
  assert.ok(late.ttl <= 30, `${late.ttl} is long for what nobody could check`);
  assert.match(balancer.output, /cannot be looked up/);

  const second = await nsd(port, zones('cdn 5 A 192.0.2.9'));
  t.after(() => second.stop());
  await until('example.com', ['192.0.2.9']);
});

test('a target that nobody can look up at the start is answered once somebody can', {
  skip: needs('nsd'),
}, async (t) => {
  const [port] = await freePorts(1);
  const { ask, until } = await start(t, port, { www: { ALIAS: 'cdn.example.org.' } });
  assert.equal((await ask('www.example.com')).code, 'SERVFAIL');
  const server = await nsd(port, [{ name: 'example.org', text: zoneText('cdn 5 A 192.0.2.1\n') }]);
  t.after(() => server.stop());
  await until('www.example.com', ['192.0.2.1']);
});
