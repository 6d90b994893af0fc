// Owns what a server is told before the client's first byte: the PROXY protocol header of its pool, with what the client's
// own proxy and the ClientHello told us.

import type { ProxyProtocolOutConfig } from '../config/types.ts';
import type { Conn } from '../net/conn.ts';
import { encodeV1, encodeV2, hasTlv, TLV, tlv } from '../net/proxy-protocol.ts';
import type { ClientHello } from '../tls/hello.ts';

/** Latin-1 text of the header; undefined when the pool wants none. */
export function preludeFor(
  config: ProxyProtocolOutConfig | undefined,
  client: Conn,
  hello: ClientHello,
): string | undefined {
  if (config === undefined) return undefined;
  const ends = { source: client.remote, destination: client.local };
  const header =
    config.version === 1 ? encodeV1(ends) : encodeV2('tcp', ends, config.tlvs ? tlvsOf(client, hello) : undefined);
  return header.latin1Slice();
}

/** Nothing that a trusted proxy said is replaced; what only we know is added. */
function tlvsOf(client: Conn, { sni }: ClientHello): Buffer {
  const given = client.proxied?.tlvs ?? Buffer.alloc(0);
  if (sni === '' || hasTlv(given, TLV.authority)) return given;
  return Buffer.concat([given, tlv(TLV.authority, sni)]);
}
