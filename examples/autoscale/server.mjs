// A server whose CPU is as busy as its clients make it, and that says so on /health. Listens where PORT says.

import { createServer } from 'node:http';

let busy = 0;
let before = process.cpuUsage();
let at = process.hrtime.bigint();
setInterval(() => {
  const now = process.hrtime.bigint();
  const { user, system } = process.cpuUsage(before);
  busy = (user + system) / (Number(now - at) / 1000);
  before = process.cpuUsage();
  at = now;
}, 250);

createServer((request, response) => {
  if (request.url === '/health') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ load: { cpu: busy } }));
  } else if (request.url === '/slow') setTimeout(() => response.end(String(process.pid)), 400);
  else {
    const until = performance.now() + 8;
    while (performance.now() < until);
    response.end(String(process.pid));
  }
}).listen(Number(process.env.PORT), '127.0.0.1');
