// Owns the PostgreSQL check: a startup message, and what the server makes of it. It passes when the server wants to know who
// asks, admits the check, or refuses this user or database: then it is at work (pg_isready judges alike). It fails on what says
// that the server takes no connections: too many, starting up, shutting down, broken.

import type { PostgresProbeConfig } from '../config/types.ts';
import { quote } from './bytes.ts';
import { converse, type Next } from './conversation.ts';
import type { ProbeKind } from './probe.ts';

const VERSION_3 = 196_608;
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);
const ERROR = 0x45;
const AUTHENTICATION = 0x52;
const READY = 0x5a;
/** What may come in between: notices, settings, the key for cancelling, the offer of another version of the protocol. */
const SKIPPED = [0x4e, 0x53, 0x4b, 0x76];
/** No message of a startup is longer. */
const MOST_BYTES = 16 * 1024;
/** Classes of SQLSTATE: insufficient resources, operator intervention, system error, internal error. */
const NOT_READY = /^(53|57|58|XX)/;

export const postgres: ProbeKind<PostgresProbeConfig> = {
  name: 'postgres',
  build({ user, database }, clock, prelude) {
    const conversation = { what: 'PostgreSQL startup', first: startup(user, database), listen };
    return { run: (target, signal) => converse(conversation, { target, signal, clock, prelude }) };
  },
};

function startup(user: string, database: string): Buffer {
  const fields = ['user', user, ...(database === '' ? [] : ['database', database]), 'application_name', 'evenkeel'];
  const text = Buffer.from(`${fields.join('\0')}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(text.length + 8, 0);
  head.writeUInt32BE(VERSION_3, 4);
  return Buffer.concat([head, text]);
}

function listen(received: Buffer): Next {
  let at = 0;
  while (received.length - at >= 5) {
    const type = received[at];
    const size = received.readUInt32BE(at + 1);
    const known = type === ERROR || type === AUTHENTICATION || type === READY || SKIPPED.includes(type);
    if (!known || size < 4 || size > MOST_BYTES)
      return { ok: false, text: `unexpected ${quote(received.subarray(at))}` };
    const end = at + 1 + size;
    if (received.length < end) return undefined;
    const body = received.subarray(at + 5, end);
    if (type === ERROR) return errorVerdict(body);
    if (type === READY) return { ok: true, text: 'admitted', farewell: TERMINATE };
    // 0: nothing more is asked; then the database says whether it has room.
    if (type === AUTHENTICATION && !(body.length >= 4 && body.readUInt32BE(0) === 0)) {
      return { ok: true, text: 'authentication', farewell: Buffer.alloc(0) };
    }
    at = end;
  }
  return undefined;
}

/** Fields of one letter and a text each. */
function errorVerdict(body: Buffer): Next {
  const fields = new Map(
    body
      .toString('latin1')
      .split('\0')
      .map((field) => [field[0], field.slice(1)]),
  );
  const code = fields.get('C') ?? '';
  const said = `${code} ${quote(Buffer.from(fields.get('M') ?? '', 'latin1'))}`;
  return NOT_READY.test(code) ? { ok: false, text: said } : { ok: true, text: `at work, says ${said}` };
}
