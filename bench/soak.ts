// Owns the soak as a command: `npm run soak -- --minutes 60`. Exit code 1 when anything grew, stayed or went wrong.

import { parseArgs } from 'node:util';
import { soak } from './soak/run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    workers: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const workers = Number(values.workers);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

if (values.help || !(minutes > 0) || !(workers >= 1)) {
  say('npm run soak -- [--minutes 2] [--workers 1]');
  process.exit(values.help ? 0 : 1);
}
const early = new AbortController();
process.once('SIGINT', () => early.abort());
process.once('SIGTERM', () => early.abort());
say(`mixed traffic, reloads and dying backends for ${minutes} minutes`);
const { problems, report } = await soak({ seconds: minutes * 60, workers, progress: say, signal: early.signal });
say(report);
for (const problem of problems) say(`PROBLEM ${problem}`);
say(problems.length === 0 ? 'nothing grew, nothing stayed behind' : `${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
