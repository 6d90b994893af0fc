// The same traffic through Node's datagram sockets, as on a version of Node whose inside looks unlike what is known: slower,
// and otherwise no different. (Test files run in processes of their own.)

import { disableDirectDatagrams } from '../../src/net/direct-datagrams.ts';

disableDirectDatagrams();

await import('./relay.test.ts');
await import('./failure.test.ts');
