// Owns the MySQL and MariaDB check: the server's greeting, and with a user a login without a password. An error instead of
// either (too many connections, host blocked, access denied) is a failure. Without a user the login is never finished, which
// servers count against the balancer's address (max_connect_errors); with one the check says goodbye.

import type { MysqlProbeConfig } from '../config/types.ts';
import { quote } from './bytes.ts';
import { converse, type Next, type Verdict } from './conversation.ts';
import type { ProbeKind } from './probe.ts';

const ERROR = 0xff;
const SWITCH = 0xfe;
const MORE = 1;
const GREETING = 10;
const QUIT = Buffer.from([1, 0, 0, 0, 1]);
/** Protocol 4.1, the 20-byte challenge, named authentication methods. */
const CAPABILITIES = 0x200 | 0x8000 | 0x80000;
const UTF8 = 33;

interface Packet {
  readonly sequence: number;
  readonly body: Buffer;
  readonly taken: number;
}

function packetOf(received: Buffer): Packet | undefined {
  if (received.length < 4) return undefined;
  const taken = 4 + received.readUIntLE(0, 3);
  return received.length < taken ? undefined : { sequence: received[3], body: received.subarray(4, taken), taken };
}

function packet(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

export const mysql: ProbeKind<MysqlProbeConfig> = {
  name: 'mysql',
  build: ({ user }, clock, prelude) => ({
    run(target, signal) {
      let version = '';
      const listen = (received: Buffer): Next => {
        // Nobody greets with more than that; something else speaks there.
        if (received.length >= 4 && received.readUIntLE(0, 3) > 4096) return strange(received);
        const next = packetOf(received);
        if (next === undefined) return undefined;
        const { body, taken, sequence } = next;
        if (body[0] === ERROR) return errorVerdict(body);
        if (version !== '') return afterLogin(next, version);
        if (body[0] !== GREETING || sequence !== 0) return strange(received);
        version = body.toString('latin1', 1, Math.max(1, body.indexOf(0, 1)));
        const shown = quote(Buffer.from(version, 'latin1'));
        return user === '' ? { ok: true, text: shown } : { say: packet(1, login(user)), taken };
      };
      const what = user === '' ? 'MySQL greeting' : 'MySQL login';
      return converse({ what, first: undefined, listen }, { target, signal, clock, prelude });
    },
  }),
};

function afterLogin({ sequence, body, taken }: Packet, version: string): Next {
  if (body[0] === 0) return { ok: true, text: quote(Buffer.from(version, 'latin1')), farewell: QUIT };
  if (body[0] === MORE) return { say: Buffer.alloc(0), taken };
  if (body[0] !== SWITCH) return { ok: false, text: `unexpected ${quote(body)}` };
  const method = body.toString('latin1', 1, Math.max(1, body.indexOf(0, 1)));
  // No password is nothing at all, or an empty text, by method.
  return { say: packet(sequence + 1, Buffer.alloc(method.includes('sha2') ? 1 : 0)), taken };
}

function login(user: string): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(CAPABILITIES, 0);
  head.writeUInt32LE(1 << 24, 4);
  head[8] = UTF8;
  return Buffer.concat([head, Buffer.from(`${user}\0`), Buffer.from([0]), Buffer.from('mysql_native_password\0')]);
}

function errorVerdict(body: Buffer): Verdict {
  const code = body.length >= 3 ? body.readUInt16LE(1) : 0;
  const message = body.subarray(body[3] === 0x23 ? 9 : 3);
  return { ok: false, text: `error ${code} ${quote(message)}` };
}

function strange(received: Buffer): Verdict {
  return { ok: false, text: `unexpected ${quote(received)}` };
}
