// Owns `evenkeel import`: turns what other systems wrote into a part of a configuration, and says what became of each record. It
// never overwrites a file unasked.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { reportText } from '../config/import/report.ts';
import { importRoute53 } from '../config/import/route53.ts';
import type { CliContext } from './context.ts';

export interface ImportOptions {
  readonly output?: string;
  readonly zone?: string;
  readonly json?: boolean;
  readonly force?: boolean;
}

export function importFrom(ctx: CliContext, file: string, options: ImportOptions): void {
  const fail = (text: string): void => {
    ctx.stderr.write(`${text}\n`);
    ctx.exit(1);
  };
  const { output, zone } = options;
  if (output !== undefined && existsSync(output) && options.force !== true)
    return fail(`${output} exists already; choose another file with -o, or overwrite it with --force`);
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return fail(code === undefined ? `${file} is no JSON: ${message}` : `${file} cannot be read: ${code}`);
  }
  const imported = importRoute53(document, zone === undefined ? {} : { zone });
  if (!imported.ok) return fail(`${file} ${imported.error}`);
  const { value } = imported;
  const text =
    options.json === true ? `${JSON.stringify(value, null, 2)}\n` : stringify(value.document, { lineWidth: 100 });
  if (output === undefined) ctx.stdout.write(text);
  else {
    try {
      writeFileSync(output, text);
    } catch (error) {
      return fail(`cannot write ${output}: ${(error as NodeJS.ErrnoException).code}`);
    }
    ctx.stdout.write(`wrote ${output}\nnext: evenkeel check ${output}\n`);
  }
  if (options.json !== true) ctx.stderr.write(reportText(value));
}
