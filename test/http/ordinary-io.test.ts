// The same traffic with reads and writes through Node's streams, as on a version of Node whose inside looks unlike what is
// known: slower, and otherwise no different. (Test files run in processes of their own.)

import { forgetHandles } from '../../src/net/handle.ts';

forgetHandles();

await import('./forwarding.test.ts');
await import('./streaming.test.ts');
