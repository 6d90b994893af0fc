// What testssl.sh thinks of a listener with nothing configured but its certificates: protocols, ciphers, forward secrecy,
// certificates, HTTP fields, known vulnerabilities. Nothing above LOW.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { run } from '../../src/testing/openssl.ts';
import { needs } from '../../src/testing/programs.ts';

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** WARN is what it could not find out. */
const GRAVE = new Set(['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL']);

test('testssl.sh finds nothing above LOW in the default profile', {
  skip: needs('testssl', 'openssl'),
  timeout: 180_000,
}, async (t) => {
  const folder = new CertificateFolder(t);
  const authority = await Authority.make();
  const options = {
    names: ['localhost'],
    notAfter: new Date(Date.now() + 80 * 86_400_000),
    // It wants to see one; nobody answers there.
    ocsp: 'http://127.0.0.1:1/',
  };
  const certificates = [
    folder.put('ec', await authority.issue(options)),
    folder.put('rsa', await authority.issue({ ...options, keyType: 'rsa' })),
  ];
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('welcome')),
  );
  const [port] = await freePorts(1);
  const balancer = await BalancerProcess.start({
    workers: 1,
    listeners: {
      web: { bind: `127.0.0.1:${port}`, protocol: 'https', hsts: '365d', tls: { certificates }, pool: 'b' },
    },
    pools: { b: { endpoints: [`127.0.0.1:${upstream.port}`] } },
  });
  try {
    const report = join(folder.path, 'report.json');
    const about = ['-p', '-s', '-f', '-P', '-S', '-h', '-U'];
    const quietly = ['--quiet', '--warnings', 'batch', '--color', '0', '--nodns', 'none', '--ip', '127.0.0.1'];
    const ca = folder.text('ca.pem', authority.pem);
    const args = [...quietly, ...about, '--add-ca', ca, '--jsonfile', report, `https://localhost:${port}`];
    const said = await run('testssl', args, '', 170_000);
    const findings = JSON.parse(readFileSync(report, 'utf8')) as Finding[];
    const of = (id: string) => findings.find((one) => one.id === id)?.finding;
    assert.ok(findings.length > 80, said.output);
    assert.equal(of('TLS1_3'), 'offered with final');
    assert.equal(of('TLS1_1'), 'not offered');
    assert.match(of('ALPN_HTTP2') ?? of('ALPN') ?? '', /h2/);
    const grave = findings.filter(({ severity }) => GRAVE.has(severity));
    assert.deepEqual(grave, []);
  } finally {
    await balancer.stop();
  }
});
