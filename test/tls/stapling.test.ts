// Stapling with the real process, a real responder (`openssl ocsp`) and a real client (`openssl s_client -status`).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { OcspResponder } from '../../src/testing/ocsp-responder.ts';
import { sClient } from '../../src/testing/openssl.ts';
import { needs } from '../../src/testing/programs.ts';

test('both workers staple the answer of the responder that the certificate names; without the responder everything else goes on', {
  skip: needs('openssl'),
}, async (t) => {
  const folder = new CertificateFolder(t);
  const authority = await Authority.make();
  const [port, admin, asked, deaf] = await freePorts(4);
  const issue = (name: string, responder: number) =>
    authority.issue({ names: [name], ocsp: `http://127.0.0.1:${responder}/` });
  const [a, b] = await Promise.all([issue('a.example', asked), issue('b.example', deaf)]);
  const certificates = [a, b].map((one, i) =>
    folder.put(`c${i}`, { cert: `${one.cert}${authority.pem}`, key: one.key }),
  );
  const responder = await OcspResponder.start(folder, authority, asked, [[a, 'good']]);
  t.after(() => responder.stop());
  const balancer = await BalancerProcess.start({
    workers: 2,
    admin: { bind: `127.0.0.1:${admin}` },
    listeners: { web: { bind: `127.0.0.1:${port}`, protocol: 'https', tls: { certificates }, pool: 'b' } },
    pools: { b: { endpoints: ['127.0.0.1:1'] } },
  });
  try {
    const ca = folder.text('ca.pem', authority.pem);
    const status = async (name: string, ...args: string[]) =>
      (await sClient(port, ['-servername', name, '-CAfile', ca, '-status', ...args])).output;
    const metrics = async () => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    const until = performance.now() + 8000;
    while (!(await metrics()).includes('evenkeel_ocsp_certificates{state="stapled"} 1')) {
      assert.ok(performance.now() < until, balancer.output);
      await wait(50);
    }
    for (const version of ['-tls1_2', '-tls1_3']) {
      // Enough for the kernel to have asked each worker.
      for (let i = 0; i < 8; i++) {
        const said = await status('a.example', version);
        assert.match(said, /OCSP Response Status: successful/);
        assert.match(said, /Cert Status: good/);
        assert.match(said, /Verify return code: 0 \(ok\)/);
      }
      assert.match(await status('b.example', version), /OCSP response: no response sent/);
    }
    assert.match(await metrics(), /^evenkeel_ocsp_certificates\{state="missing"\} 1$/m);
    await balancer.said(
      /no new OCSP answer for .*c1\.pem: the responder cannot be reached: ECONNREFUSED; nothing is stapled/,
    );
    const unasked = (await sClient(port, ['-servername', 'a.example'])).output;
    assert.doesNotMatch(unasked, /OCSP/);
  } finally {
    await balancer.stop();
  }
});
