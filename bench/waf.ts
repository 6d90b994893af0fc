// Owns the micro-benchmark of the web application firewall: microseconds the filter takes for one request, everything that it makes of
// the request included, by what there is to look at. `node bench/waf.ts`.

import { KINDS_OF_REQUESTS, wafCost } from './lib/waf.ts';

console.log('| request | µs |\n|---|---|');
for (const { name, ...request } of KINDS_OF_REQUESTS)
  console.log(`| ${name} | ${(await wafCost(request)).toFixed(0)} |`);
