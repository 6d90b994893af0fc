// Owns judging a responder's answer (RFC 6960 §4.2): that it is for the certificate in question, signed by who may, current and
// good. Only such an answer is worth stapling; everything else is a sentence about what is wrong with it.

import { verify, X509Certificate } from 'node:crypto';
import { err, ok, type Result } from '../../core/result.ts';
import { type CertificateName, isNamed } from './certificate-id.ts';
import { context, DerError, DerReader, oidOf, TAG, timeOf } from './der.ts';

const BASIC = '1.3.6.1.5.5.7.48.1.1';
const MAY_SIGN = '1.3.6.1.5.5.7.3.9';
const SIGNATURES: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null,
};
const REFUSALS: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
};
/** Clocks differ. */
const SKEW_MS = 5 * 60_000;
const MOST_SIGNERS = 4;

export interface GoodAnswer {
  /** Wall-clock ms. */
  readonly from: number;
  readonly until: number;
}

export function judge(
  bytes: Buffer,
  name: CertificateName,
  issuer: X509Certificate,
  now: number,
): Result<GoodAnswer, string> {
  try {
    return judgeBasic(basicOf(bytes), name, issuer, now);
  } catch (error) {
    if (error instanceof Refused) return err(error.message);
    return err(`the answer cannot be read${error instanceof DerError ? `: ${error.message}` : ''}`);
  }
}

class Refused extends Error {}

function basicOf(bytes: Buffer): DerReader {
  const response = new DerReader(bytes).enter();
  const status = response.next(TAG.enumerated).content[0];
  if (status !== 0) throw new Refused(`the responder refused: ${REFUSALS[status] ?? status}`);
  const inner = response.enter(context(0)).enter();
  if (oidOf(inner.next()) !== BASIC) throw new Refused('the answer is of an unknown kind');
  return new DerReader(inner.next(TAG.octetString).content).enter();
}

function judgeBasic(
  basic: DerReader,
  name: CertificateName,
  issuer: X509Certificate,
  now: number,
): Result<GoodAnswer, string> {
  const data = basic.next(TAG.sequence);
  const algorithm = oidOf(basic.enter().next());
  const signature = basic.next(TAG.bitString).content.subarray(1);
  const certificates = basic.tag === context(0) ? signersIn(basic.enter(context(0)).enter()) : [];
  const found = statusIn(new DerReader(data.content), name);
  if (found === undefined) return err('the answer is about another certificate');
  const hash = SIGNATURES[algorithm];
  if (hash === undefined) return err(`the answer is signed in an unknown way (${algorithm})`);
  const signers = [issuer, ...certificates.filter((one) => speaksFor(one, issuer, now))];
  if (!signers.some(({ publicKey }) => verify(hash, data.whole, publicKey, signature)))
    return err('the answer is not signed by who may');
  const { status, from, until } = found;
  if (status === 'revoked') return err('the certificate is REVOKED');
  if (status !== 'good') return err('the responder does not know the certificate');
  if (from > now + SKEW_MS) return err('the answer is from the future');
  if (until === undefined) return err('the answer does not say how long it holds');
  return until <= now ? err('the answer is out of date') : ok({ from, until });
}

function signersIn(list: DerReader): X509Certificate[] {
  const found: X509Certificate[] = [];
  while (!list.done && found.length < MOST_SIGNERS) found.push(new X509Certificate(list.next(TAG.sequence).whole));
  return found;
}

/** RFC 6960 §4.2.2.2: issued by the same authority, for this. */
function speaksFor(signer: X509Certificate, issuer: X509Certificate, now: number): boolean {
  const isCurrent = Date.parse(signer.validFrom) <= now + SKEW_MS && Date.parse(signer.validTo) > now;
  const may = signer.keyUsage?.includes(MAY_SIGN) ?? false;
  return isCurrent && may && signer.checkIssued(issuer) && signer.verify(issuer.publicKey);
}

interface Status {
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly from: number;
  readonly until: number | undefined;
}

const STATUSES: Readonly<Record<number, Status['status']>> = { 128: 'good', 161: 'revoked', 130: 'unknown' };

/** Of the answer about this certificate; a responder may tell of others as well. */
function statusIn(data: DerReader, name: CertificateName): Status | undefined {
  data.optional(context(0));
  // Who answers, and when that was.
  data.next();
  data.next(TAG.generalizedTime);
  const list = data.enter();
  while (!list.done) {
    const single = list.enter();
    if (!isNamed(single.enter(), name)) continue;
    const status = STATUSES[single.next().tag] ?? 'unknown';
    const from = timeOf(single.next());
    const until = single.tag === context(0) ? timeOf(single.enter(context(0)).next()) : undefined;
    return { status, from, until };
  }
  return undefined;
}
