// The same with TLS on Node's own sockets, as on a version of Node whose inside looks unlike what is known: slower, and
// otherwise no different. (Test files run in processes of their own.)

import { forgetTlsHandles } from '../../src/tls/handle.ts';

forgetTlsHandles();

await import('./termination.test.ts');
await import('./clients.test.ts');
