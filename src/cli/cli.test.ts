import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-cli-'));
after(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  spawnSync(process.execPath, [BIN, ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000 });

test('init writes a configuration that check accepts, and never overwrites one unasked', () => {
  const first = run('init', '--listen', '127.0.0.1:8088', '--backend', '10.0.0.1:80', '[::1]:81', '--health', '/up');
  assert.equal(first.status, 0, first.stderr);
  const text = readFileSync(join(folder, 'evenkeel.yaml'), 'utf8');
  assert.match(text, /http: "\/up"/);
  const checked = run('check');
  assert.equal(checked.status, 0, checked.stderr);
  assert.match(checked.stdout, /good \(1 listener, 1 pool, 2 endpoints\)/);
  const second = run('init');
  assert.equal(second.status, 1);
  assert.match(second.stderr, /exists already/);
  assert.equal(readFileSync(join(folder, 'evenkeel.yaml'), 'utf8'), text);
});

test('init refuses answers that could not work', () => {
  const wrong = run('init', '-o', 'other.yaml', '--backend', 'nowhere');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /"nowhere" needs a port/);
  assert.equal(existsSync(join(folder, 'other.yaml')), false);
});

test('check prints issues for people and for machines, exit code 1', () => {
  writeFileSync(join(folder, 'bad.yaml'), 'listeners: { web: { bind: "127.0.0.1:1", pool: a } }\npools: { b: {} }\n');
  const human = run('check', '-c', 'bad.yaml');
  assert.equal(human.status, 1);
  assert.match(human.stderr, /^bad\.yaml:1:\d+: listeners\.web\.pool names the pool "a"/);
  const machine = run('check', '-c', 'bad.yaml', '--json');
  assert.equal(machine.status, 1);
  const { ok, issues } = JSON.parse(machine.stdout);
  assert.equal(ok, false);
  assert.equal(issues[0].path, 'listeners.web.pool');
  assert.equal(issues[0].line, 1);
});

test('the file may be named without -c, but not twice', () => {
  const alone = run('check', 'bad.yaml');
  assert.equal(alone.status, 1);
  assert.match(alone.stderr, /^bad\.yaml:1:/);
  assert.match(
    run('check', 'bad.yaml', '-c', 'evenkeel.yaml').stderr,
    /both "bad\.yaml" and "-c evenkeel\.yaml" are given/,
  );
});

test('a reader that has seen enough is no failure', () => {
  const script = '"$0" "$1" check --schema 2>errors | :; cat errors';
  const cut = spawnSync('sh', ['-c', script, process.execPath, BIN], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(cut.stdout, '');
});

test('check --effective prints every default, --schema the JSON Schema', () => {
  assert.match(run('check', '--effective').stdout, /keepAlive: 75s/);
  assert.equal(JSON.parse(run('check', '--schema').stdout).type, 'object');
});

test('import writes a configuration that check accepts, and accounts for every record', () => {
  const set = {
    Name: 'www.example.com',
    Type: 'A',
    TTL: 60,
    SetIdentifier: 'us',
    ResourceRecords: [{ Value: '203.0.113.1' }],
  };
  const sets = [
    { ...set, GeoLocation: { ContinentCode: 'NA' } },
    { ...set, SetIdentifier: 'no', GeoLocation: {} },
  ];
  writeFileSync(join(folder, 'zone.json'), JSON.stringify({ ResourceRecordSets: sets }));
  const printed = run('import', 'route53', 'zone.json');
  assert.equal(printed.status, 0, printed.stderr);
  assert.match(printed.stdout, /us:\n {6}- continent:NA/);
  assert.match(printed.stderr, /^= www\.example\.com A \(us\): converted\n! www\.example\.com A \(no\): refused/);
  assert.equal(JSON.parse(run('import', 'route53', 'zone.json', '--json').stdout).report.length, 2);
  assert.equal(run('import', 'route53', 'zone.json', '-o', 'zone.yaml').status, 0);
  assert.match(run('import', 'route53', 'zone.json', '-o', 'zone.yaml').stderr, /exists already/);
  const checked = run('check', 'zone.yaml');
  assert.equal(checked.status, 0, checked.stderr);
  for (const file of ['missing.json', 'evenkeel.yaml']) assert.equal(run('import', 'route53', file).status, 1);
});

test('help names every command, and a wrong command exits with 1', () => {
  const help = run('--help');
  assert.equal(help.status, 0);
  for (const command of ['run', 'check', 'nat', 'dig', 'dns', 'import', 'init', 'demo'])
    assert.match(help.stdout, new RegExp(`^ {2}${command}`, 'm'));
  assert.equal(run('fly').status, 1);
});

test('demo without a terminal kills and revives a server by itself, loses nothing, and ends with exit code 0', () => {
  const demo = run('demo', '--for', '9s');
  assert.equal(demo.status, 0, demo.stdout + demo.stderr);
  assert.match(demo.stdout, /killing server 1/);
  assert.match(demo.stdout, /→ (?:ejected|down)/);
  assert.match(demo.stdout, /reviving server 1/);
  assert.match(demo.stdout, /requests answered, none failed/);
});

const STEERED = `
sites: { eu: { addresses: 203.0.113.1, pool: eu }, us: { addresses: 203.0.113.2, pool: us } }
pools: { eu: { endpoints: ["10.0.0.1:80"] }, us: { endpoints: ["10.0.0.2:80"] } }
dns:
  bind: 127.0.0.1:5399
  zones:
    example.com:
      records:
        www: { ttl: 60, steer: { kind: geo, default: us, eu: [192.0.2.0/24] }, allDown: closed }
        plain: { A: [192.0.2.1, 192.0.2.2] }
        outside: { ALIAS: cdn.example.net. }
        fast: { steer: { kind: latency, members: [eu, us], default: us } }
`;

test('dig tells the answer, which policy decided, from what, and for whom it holds', () => {
  writeFileSync(join(folder, 'dns.yaml'), STEERED);
  const near = run('dig', 'www.example.com', '-c', 'dns.yaml', '--from', '192.0.2.7');
  assert.equal(near.status, 0, near.stderr);
  assert.match(near.stdout, /^www\.example\.com\.\t60\tIN\tA\t203\.0\.113\.1$/m);
  assert.match(near.stdout, /first 24 bits/);
  assert.match(near.stdout, /geo uses eu for 192\.0\.2\.7 \(network\)/);
  const far = run('dig', 'www.example.com', '-c', 'dns.yaml', '--from', '198.51.100.7');
  assert.match(far.stdout, /203\.0\.113\.2/);
  const down = run('dig', 'www.example.com', '-c', 'dns.yaml', '--from', '192.0.2.7', '--down', 'eu', '--json');
  const answer = JSON.parse(down.stdout) as { answer: { data: string }[]; why: string[]; decidedBy: string };
  assert.deepEqual(
    answer.answer.map(({ data }) => data),
    ['203.0.113.2'],
  );
  assert.ok(answer.why.some((line) => /site eu is down/.test(line)));
  const none = run('dig', 'www.example.com', '-c', 'dns.yaml', '--down', 'eu', 'us');
  assert.match(none.stdout, /NOERROR/);
  assert.doesNotMatch(none.stdout, /^www/m);
  assert.match(run('dig', 'plain.example.com', '-c', 'dns.yaml').stdout, /192\.0\.2\.1[\s\S]*192\.0\.2\.2/);
});

test('dig goes by measurements that a balancer has exported, and says what it cannot know', () => {
  const measured = (ms: number) => JSON.stringify({ entries: [{ network: '192.0.2.0/24', site: 'eu', ms }] });
  writeFileSync(join(folder, 'eu.json'), measured(7.25));
  writeFileSync(join(folder, 'dns.yaml'), STEERED);
  const fast = (...args: string[]) =>
    run('dig', 'fast.example.com', '-c', 'dns.yaml', '--from', '192.0.2.7', ...args).stdout;
  assert.match(fast('--latency', 'eu.json'), /eu was measured fastest for 192\.0\.2\.7\/24 \(7\.3 ms\)/);
  assert.match(fast(), /latency uses its default, us/);
  writeFileSync(join(folder, 'dns.yaml'), `${STEERED}latency: { file: [eu.json, missing.json] }\n`);
  assert.match(fast(), /eu was measured fastest/, 'those of the configuration');
  const wrong = run('dig', 'fast.example.com', '-c', 'dns.yaml', '--latency', 'nowhere.json');
  assert.deepEqual([wrong.status, wrong.stderr], [1, '--latency: there is no file nowhere.json\n']);
  assert.match(
    run('dig', 'outside.example.com', '-c', 'dns.yaml').stdout,
    /SERVFAIL[\s\S]*cdn\.example\.net\. is outside these zones/,
  );
});

test('dig says what is wrong with the question, exit code 1', () => {
  writeFileSync(join(folder, 'dns.yaml'), STEERED);
  for (const [args, pattern] of [
    [['www.example.com', 'AAAAA'], /no record type/],
    [['www.example.com', '--from', 'me'], /"me" is no IP address/],
    [['www.example.com', '--down', 'asia'], /there is no site, pool or endpoint "asia"/],
    [['a..b'], /"a\.\.b"/],
  ] as const) {
    const wrong = run('dig', ...args, '-c', 'dns.yaml');
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, pattern);
  }
});

test('check reads the files of zones, and names file, line and column', () => {
  writeFileSync(join(folder, 'zone'), '$TTL 60\n@ IN SOA ns hm 1 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.256\n');
  writeFileSync(join(folder, 'zones.yaml'), 'dns: { bind: 127.0.0.1:5398, zones: { example.com: { file: zone } } }\n');
  const wrong = run('check', '-c', 'zones.yaml');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /zone:4:\d+/);
  writeFileSync(join(folder, 'zone'), '$TTL 60\n@ IN SOA ns hm 1 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.25\n');
  const good = run('check', '-c', 'zones.yaml');
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /1 DNS zone/);
});

test('check looks at certificates as a start would, and names the place that wants them', () => {
  const web =
    '{ bind: "127.0.0.1:1", protocol: https, tls: { certificates: [{ cert: no.pem, key: no.key }] }, pool: a }';
  writeFileSync(join(folder, 'tls.yaml'), `listeners:\n  web: ${web}\npools: { a: {} }\n`);
  const { status, stderr } = run('check', '-c', 'tls.yaml');
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^tls\.yaml:2:\d+: listeners\.web\.tls\.certificates\[0\] cannot be used: there is no file .*no\.pem/,
  );
});
