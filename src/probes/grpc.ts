// Owns the check of the gRPC health protocol (grpc.health.v1.Health/Check): the endpoint has to say SERVING. Source:
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md. The two messages have a field each, so they are read by hand.

import type { GrpcProbeConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import { failureText, type ProbeKind, tookText } from './probe.ts';
import { type Answered, askOnce } from './transport.ts';

const PATH = '/grpc.health.v1.Health/Check';
const SERVING = 1;
const STATES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const NOT_FOUND = '5';
const UNIMPLEMENTED = '12';

export const grpc: ProbeKind<GrpcProbeConfig> = {
  name: 'grpc',
  build({ service, transport }, clock, prelude) {
    const what = service === '' ? 'gRPC health' : `gRPC health of ${service}`;
    const body = request(service);
    return {
      async run(target, signal) {
        const start = clock.now();
        const end = (ok: boolean, text: string) => {
          const tookMs = clock.now() - start;
          return { ok, tookMs, evidence: `${what} → ${text} in ${tookText(tookMs)}` };
        };
        const asked = {
          method: 'POST',
          path: PATH,
          host: formatAddress(target),
          headers: { 'content-type': 'application/grpc', te: 'trailers', 'user-agent': 'evenkeel-health-check' },
          body,
        };
        try {
          const answer = await askOnce(target, { ...transport, h2: true }, asked, signal, prelude);
          const state = stateOf(answer);
          return end(state === STATES[SERVING], state);
        } catch (error) {
          return end(false, failureText(error, signal));
        }
      },
    };
  },
};

/** Frame of one message: not compressed, its length, and the field `service` when there is one. */
function request(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a, name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function stateOf({ status, headers, trailers, body }: Answered): string {
  if (status !== 200) return `status ${status}`;
  const code = String(trailers['grpc-status'] ?? headers['grpc-status'] ?? '');
  if (code === UNIMPLEMENTED) return 'it has no health service';
  if (code === NOT_FOUND) return 'it does not know the service';
  if (code !== '0') return code === '' ? 'no status' : `grpc-status ${code}`;
  const message = body.subarray(5);
  // Field 1, a number; absent means the first state.
  const state = message.length >= 2 && message[0] === 0x08 ? message[1] : 0;
  return STATES[state] ?? `state ${state}`;
}
