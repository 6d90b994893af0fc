// Owns how configuration issues look in a terminal and as JSON.

import { type ConfigIssue, formatIssue, formatPath } from '../config/issues.ts';

export function issuesText(file: string, issues: readonly ConfigIssue[]): string {
  const many = issues.length === 1 ? '1 problem' : `${issues.length} problems`;
  return `${issues.map((issue) => formatIssue(file, issue)).join('\n')}\n${file}: ${many}; nothing was applied\n`;
}

export function issuesJson(file: string, issues: readonly ConfigIssue[]): string {
  const list = issues.map(({ path, message, hint, line, column, text }) => ({
    path: formatPath(path),
    message,
    hint,
    line,
    column,
    text,
  }));
  return `${JSON.stringify({ ok: false, file, issues: list }, null, 2)}\n`;
}
