// A gRPC proxy as one writes it on @grpc/grpc-js: a server and clients with the message's type, so that every message is read and
// written anew. Certificate and key are the third and fourth argument.

import { readFileSync } from 'node:fs';
import { Client, credentials, type MethodDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { decodeMessage, encodeMessage, GRPC_METHOD, type Message } from '../lib/grpc.ts';
import { rivalFromArguments } from './common.ts';

const rival = rivalFromArguments();
const [cert, key] = process.argv.slice(4);
const say: MethodDefinition<Message, Message> = {
  path: GRPC_METHOD,
  requestStream: false,
  responseStream: false,
  requestSerialize: encodeMessage,
  requestDeserialize: decodeMessage,
  responseSerialize: encodeMessage,
  responseDeserialize: decodeMessage,
};

const clients = rival.targets.map(({ host, port }) => new Client(`${host}:${port}`, credentials.createInsecure()));
let turn = 0;

const server = new Server();
server.addService(
  { say },
  {
    say: (call: { request: Message }, done: (error: Error | null, reply?: Message) => void) => {
      const client = clients[turn++ % clients.length];
      client.makeUnaryRequest(GRPC_METHOD, encodeMessage, decodeMessage, call.request, done);
    },
  },
);
const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
server.bindAsync(`127.0.0.1:${rival.port}`, ServerCredentials.createSsl(null, [pair]), (error) => {
  if (error !== null) throw error;
});
