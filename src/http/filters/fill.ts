// Owns templates as filters use them: compiled once, and written so that what a client sent stays what it is where it ends up.

import { compileTemplate, type Template, type Variables } from '../../routing/template.ts';

export type Filling = (from: Variables) => string;

/** That the text is a template was checked with the configuration. */
export function templateOf(text: string): Template {
  const compiled = compileTemplate(text);
  if (!compiled.ok) throw new Error(`"${text}" ${compiled.error}`);
  return compiled.value;
}

export function fillingOf(text: string, each?: (value: string) => string): Filling {
  const template = templateOf(text);
  return template.variables.length === 0 ? () => template.fill(NOBODY) : (from) => template.fill(from, each);
}

const NOBODY: Variables = { variable: () => '' };
const HEAD = new Set(['header', 'cookie']);

/** It asks for fields of the request. */
export function readsHead(text: string): boolean {
  return templateOf(text).variables.some(({ name }) => HEAD.has(name));
}

/** As part of a path or query: what would be read as something else is escaped (RFC 3986 §2). */
export function inUri(value: string): string {
  return value.replace(/%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]/g, escapeBytes);
}

/** As one parameter of a query. */
export function inQuery(value: string): string {
  return value.replace(/[^A-Za-z0-9\-._~]/g, escapeBytes);
}

/** As text of a page. */
export function inHtml(value: string): string {
  return value.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Text that came from a head is Latin-1: a byte a character. */
function escapeBytes(char: string): string {
  let out = '';
  for (const byte of Buffer.from(char, char.charCodeAt(0) > 0xff ? 'utf8' : 'latin1'))
    out += `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
  return out;
}
