// Owns turning the DNS part of a blueprint into what one worker answers by: its zones opened over the shared images, with
// members for what is steered.

import type { DnsConfig, PolicyConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import { type DnsHandler, dnsHandler } from '../dns/context.ts';
import { outsideNames } from '../dns/engine/alias-chain.ts';
import { readSigner } from '../dns/signer.ts';
import { openZones } from '../dns/zone/build.ts';
import type { ZoneSigner } from '../dns/zone/zone.ts';
import type { Member } from '../steering/steering.ts';
import type { Members } from './members.ts';
import type { DnsBlueprint } from './zones.ts';

/** One a bind address; no listener of the configuration can have such a name. */
export function dnsListenerNames(config: DnsConfig | undefined): readonly string[] {
  return config?.bind.map((bind) => `dns@${formatAddress(bind)}`) ?? [];
}

export function buildDnsHandler(config: DnsConfig, blueprint: DnsBlueprint, { memberOf, policy }: Members): DnsHandler {
  const member = (steer: unknown): Member => {
    const { kind } = steer as PolicyConfig;
    // A bare name was compiled to a policy of one.
    if (kind === 'round-robin') {
      const { members } = steer as Extract<PolicyConfig, { kind: 'round-robin' }>;
      if (members.length === 1) return memberOf(members[0]);
    }
    return policy(kind, steer as PolicyConfig);
  };
  const zones = openZones(blueprint.images, config, member, (zone) => signerOf(blueprint.keys[zone]));
  return dnsHandler(config, zones, blueprint.cookieSecrets, blueprint.seed);
}

/** Names outside the zones whose addresses answers need. */
export function outsideNamesOf(config: DnsConfig, { images }: DnsBlueprint): ReadonlySet<string> {
  // What is steered is never outside.
  return outsideNames(
    openZones(images, config, () => NOBODY),
    config,
  );
}

const NOBODY: Member = { name: '', resolve: () => undefined };

/** The key was checked when it was read. */
function signerOf(pem: string | undefined): ZoneSigner | undefined {
  const signer = pem === undefined ? undefined : readSigner(pem);
  return signer?.ok === true ? signer.value : undefined;
}
