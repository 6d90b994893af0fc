// Owns telling secondaries of zones that changed (NOTIFY), after a configuration has come into effect. Main thread only.

import type { Env } from '../core/env.ts';
import { Notifier } from '../dns/notify.ts';
import { parseName, sameName } from '../dns/wire/name.ts';
import { openSocket } from '../net/datagrams.ts';
import type { Log } from '../observe/log.ts';
import type { Blueprint } from './snapshot.ts';

const ROOT = Uint8Array.of(0);

export class ZoneNotices {
  readonly #notifier: Notifier;

  constructor(env: Env, log: Log) {
    this.#notifier = new Notifier(env, openSocket, ({ zone, target, serial, acknowledged }) => {
      if (acknowledged) log.info(`${target} knows of zone ${zone}`, { serial });
      else log.warn(`${target} does not answer that zone ${zone} has changed`, { serial });
    });
  }

  applied({ config, dns }: Blueprint): void {
    const zones = Object.values(config.dns?.zones ?? {}).flatMap(({ name, transfer }) => {
      const apex = parseName(name, ROOT);
      const image = dns?.images.find((one) => typeof apex !== 'string' && sameName(one.apex, 0, apex, 0));
      return image === undefined ? [] : [{ apex: image.apex, serial: image.serial, targets: transfer.notify }];
    });
    this.#notifier.update(zones);
  }

  close(): void {
    this.#notifier.close();
  }
}
