// Owns the shapes of questions about what would happen, and of their answers: plain data, sent between threads.

import type { CandidateReport, Foresight } from '../../pool/foresight.ts';
import type { RouteReport } from '../../routing/explain.ts';

export type { CandidateReport, Foresight, RouteReport };

export type Question = HttpQuestion | TcpQuestion | DnsQuestion;

export interface HttpQuestion {
  readonly protocol: 'http';
  readonly method: string;
  /** Absolute: `https://host[:port]/path?query`. */
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Who opens the connection. */
  readonly from: string;
  /** '' when the address of the URL says it. */
  readonly listener: string;
}

export interface TcpQuestion {
  readonly protocol: 'tcp';
  readonly listener: string;
  readonly from: string;
  /** '' without a ClientHello. */
  readonly sni: string;
  readonly alpn: readonly string[];
}

export interface DnsQuestion {
  readonly protocol: 'dns';
  readonly name: string;
  readonly type: string;
  readonly from: string;
}

export interface ClientReport {
  readonly address: string;
  /** Which field or connection said so, and why that was believed. */
  readonly decidedBy: string;
}

export interface FilterReport {
  readonly place: 'listener' | 'route' | 'pool';
  readonly kind: string;
}

export interface AffinityReport {
  readonly by: string;
  readonly result: string;
  /** Where the session is; '' for nowhere. */
  readonly endpoint: string;
}

export interface RetryReport {
  /** Tries after the first; 0 when this request is never sent twice. */
  readonly attempts: number;
  /** On what, and on what condition, in words. */
  readonly when: string;
  /** Where the next try would go; '' for nowhere. */
  readonly next: string;
}

export interface Chosen {
  /** '' when none was chosen. */
  readonly route: string;
  /** Those that were not chosen, nearest first. */
  readonly misses: readonly RouteReport[];
  readonly affinity: AffinityReport | undefined;
  /** Undefined: there is no pool to ask. */
  readonly pool: Foresight | undefined;
  /** Where it would go; '' for nowhere. */
  readonly pick: string;
  /** What the client would get instead; '' when it is sent on. */
  readonly refusal: string;
}

export interface HttpExplanation extends Chosen {
  readonly protocol: 'http';
  readonly listener: string;
  readonly client: ClientReport;
  readonly host: string;
  /** As routing sees it. */
  readonly path: string;
  /** In order; they are listed, not run. */
  readonly filters: readonly FilterReport[];
  /** Of a split; '' outside of one. */
  readonly variant: string;
  readonly retry: RetryReport | undefined;
  /** What this explanation cannot know. */
  readonly cautions: readonly string[];
}

export interface TcpExplanation extends Chosen {
  readonly protocol: 'tcp';
  readonly listener: string;
  readonly client: ClientReport;
  readonly retry: RetryReport | undefined;
}

export interface DnsExplanation {
  readonly protocol: 'dns';
  readonly rcode: string;
  readonly answers: readonly {
    readonly name: string;
    readonly type: string;
    readonly ttl: number;
    readonly data: string;
  }[];
  /** The member that chose the addresses; '' for plain records. */
  readonly decidedBy: string;
  /** Bits of the client's address that decided. */
  readonly scope: number;
  /** Every policy's choice, from the outermost to the innermost. */
  readonly why: readonly string[];
}

export type Explanation = HttpExplanation | TcpExplanation | DnsExplanation;
