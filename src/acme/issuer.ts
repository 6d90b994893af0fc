// Owns one certificate's way from an order to the chain (RFC 8555 §7.4): the order, showing that the names are ours, the
// request, the download. It asks once; when to ask again is for others to decide.
//
//   account ─▶ order ─▶ challenges published everywhere ─▶ authority told ─▶ all valid ─▶ finalized ─▶ chain
//      └─ any failure: challenges withdrawn, a reason with the step it happened at ◀─┘

import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { AcmeConfig, ChallengeType } from '../config/types.ts';
import type { Clock, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Challenge } from '../tls/challenges.ts';
import { Accounts, type Client } from './account.ts';
import { type Acme, AcmeProblem, loadAcme } from './client.ts';
import type { AcmeStorage } from './storage.ts';
import type { KeyAndChain } from './temporary.ts';

/** Where challenges are put for whoever may be asked; the seam for balancers that answer for each other. */
export interface ChallengeBoard {
  /** Resolves when everybody who may be asked can answer. */
  publish(challenges: readonly Challenge[]): Promise<void>;
  withdraw(challenges: readonly Challenge[]): Promise<void>;
}

export interface IssueRequest {
  readonly names: readonly string[];
  readonly keyType: 'ec' | 'rsa';
  readonly challenge: ChallengeType;
}

export interface IssueFailure {
  /** Whether the authority was given an order, and whether it did not believe that the names are ours. */
  readonly step: 'account' | 'order' | 'challenge';
  readonly reason: string;
  /** The authority wants to be left alone for so long. */
  readonly retryAfterMs: number;
}

export interface Issuer {
  issue(request: IssueRequest): Promise<Result<KeyAndChain, IssueFailure>>;
  /** What is under way is given up. */
  close(): void;
}

export interface AcmeIssuerOptions {
  readonly config: AcmeConfig;
  /** PEM; '' for the authorities that Node trusts. */
  readonly ca: string;
  readonly storage: AcmeStorage;
  readonly board: ChallengeBoard;
  readonly clock: Clock;
}

type Authorization = Awaited<ReturnType<Client['getAuthorizations']>>[number];

const FIRST_LOOK_MS = 500;
const LONGEST_LOOK_MS = 10_000;
/** Authorities look from several places, and may take their time over it. */
const PATIENCE_MS = 180_000;
const newKeyPair = promisify(generateKeyPair);

export class AcmeIssuer implements Issuer {
  readonly #options: AcmeIssuerOptions;
  readonly #accounts: Accounts;
  #client: Promise<Client> | undefined;
  readonly #waiting = new Map<Timer, () => void>();
  #closed = false;

  constructor(options: AcmeIssuerOptions) {
    this.#options = options;
    this.#accounts = new Accounts(options.config, options.storage);
  }

  async issue(request: IssueRequest): Promise<Result<KeyAndChain, IssueFailure>> {
    const steps = { at: 'account' as IssueFailure['step'] };
    try {
      const acme = await loadAcme(this.#options.ca);
      const identifiers = request.names.map((value) => ({ type: 'dns', value }));
      const { client, order } = await this.#order(acme, identifiers);
      steps.at = 'challenge';
      await this.#prove(acme, client, await client.getAuthorizations(order), request.challenge);
      steps.at = 'order';
      const key = await newKey(request.keyType);
      const [, csr] = await acme.crypto.createCsr({ altNames: [...request.names] }, key);
      // The order as it is now says where to; some authorities take a moment to notice that they are content.
      let done = await client.getOrder(order);
      const becomes = (status: string) => async (): Promise<boolean> => {
        if (done.status === status) return true;
        done = await client.getOrder(order);
        if (done.status === 'invalid') throw new Error('the authority does not want to issue it');
        return done.status === status;
      };
      await this.#until(becomes('ready'));
      done = await client.finalizeOrder(done, csr);
      await this.#until(becomes('valid'));
      return ok({ key, chain: await client.getCertificate(done) });
    } catch (error) {
      const { message } = error as Error;
      const isProblem = error instanceof AcmeProblem;
      const reason = isProblem && error.type !== '' ? `${message} (${error.type})` : message || String(error);
      return err({ step: steps.at, reason, retryAfterMs: isProblem ? error.retryAfterMs : 0 });
    }
  }

  async #order(acme: Acme, identifiers: { type: string; value: string }[]) {
    const client = await this.#open(acme, false);
    try {
      return { client, order: await client.createOrder({ identifiers }) };
    } catch (error) {
      if (!(error instanceof AcmeProblem) || error.type !== 'accountDoesNotExist') throw error;
      const renewed = await this.#open(acme, true);
      return { client: renewed, order: await renewed.createOrder({ identifiers }) };
    }
  }

  /** One account for orders that run at the same time. */
  #open(acme: Acme, afresh: boolean): Promise<Client> {
    if (this.#client !== undefined && !afresh) return this.#client;
    const opening = this.#accounts.open(acme, afresh);
    this.#client = opening;
    opening.catch(() => {
      if (this.#client === opening) this.#client = undefined;
    });
    return opening;
  }

  async #prove(acme: Acme, client: Client, all: readonly Authorization[], type: ChallengeType): Promise<void> {
    const pending = all.filter(({ status }) => status !== 'valid');
    const { board } = this.#options;
    const published: Challenge[] = [];
    try {
      const offers = pending.map((authorization) => {
        const offer = authorization.challenges.find((challenge) => challenge.type === type);
        if (offer === undefined) throw new Error(`${nameOf(authorization)}: the authority offers no ${type}`);
        return { authorization, offer };
      });
      for (const { authorization, offer } of offers) {
        const answer = await client.getChallengeKeyAuthorization(offer);
        published.push(
          type === 'http-01'
            ? { type, token: offer.token, answer }
            : { type, name: nameOf(authorization), ...(await proof(acme, authorization, answer)) },
        );
      }
      await board.publish(published);
      for (const { offer } of offers) await client.completeChallenge(offer);
      await this.#until(async () => {
        let waiting = false;
        for (const { authorization, offer } of offers) {
          const fault = await faultOf(client, authorization, offer.url);
          if (fault === 'pending') waiting = true;
          else if (fault !== undefined) throw new Error(`${nameOf(authorization)}: ${fault}`);
        }
        return !waiting;
      });
    } finally {
      await board.withdraw(published);
    }
  }

  async #until(done: () => Promise<boolean>): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + PATIENCE_MS;
    for (let pause = FIRST_LOOK_MS; !(await done()); pause = Math.min(LONGEST_LOOK_MS, pause * 2)) {
      if (clock.now() >= end) throw new Error('the authority did not come to an end in time');
      await this.#pause(pause);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new Error('it was given up'));
      if (this.#closed) return giveUp();
      const timer = this.#options.clock.after(ms, () => {
        this.#waiting.delete(timer);
        resolve();
      });
      this.#waiting.set(timer, giveUp);
    });
  }

  close(): void {
    this.#closed = true;
    for (const [timer, giveUp] of this.#waiting) {
      timer.cancel();
      giveUp();
    }
    this.#waiting.clear();
  }
}

const nameOf = ({ identifier }: Authorization): string => identifier.value;

async function proof(acme: Acme, authorization: Authorization, answer: string): Promise<{ cert: string; key: string }> {
  const [key, cert] = await acme.crypto.createAlpnCertificate(authorization, answer, await newKey('ec'));
  return { cert: cert.toString(), key: key.toString() };
}

/** Undefined when it is valid. */
async function faultOf(client: Client, { url }: Authorization, challengeUrl: string): Promise<string | undefined> {
  const [now] = await client.getAuthorizations({ authorizations: [url] } as never);
  if (now.status === 'valid') return undefined;
  if (now.status === 'pending') return 'pending';
  const error = now.challenges.find((challenge) => challenge.url === challengeUrl)?.error as
    | { readonly detail?: string }
    | undefined;
  return error?.detail ?? `the authority says it is ${now.status}`;
}

/** PEM. */
async function newKey(keyType: 'ec' | 'rsa'): Promise<string> {
  const { privateKey } =
    keyType === 'ec'
      ? await newKeyPair('ec', { namedCurve: 'P-256' })
      : await newKeyPair('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}
