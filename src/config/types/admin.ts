// Owns the normalized form of the admin server: where it listens, and who may do what.

import type { Address } from '../../core/address.ts';

export type AdminRole = 'read' | 'operate';

export interface AdminConfig {
  readonly bind: Address;
  /** Nobody is asked who he is where there are none; loopback only. */
  readonly tokens: readonly AdminTokenConfig[];
  /** A certificate, so that tokens do not travel in the clear; undefined: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** File in which operators' changes outlive a restart; '' for none. */
  readonly state: string;
  /** File for the audit log; '' for the log of the process. */
  readonly audit: string;
}

export interface AdminTokenConfig {
  /** As the audit log has it. */
  readonly name: string;
  readonly role: AdminRole;
  /** '' when it is in the file. */
  readonly token: string;
  readonly tokenFile: string;
}
