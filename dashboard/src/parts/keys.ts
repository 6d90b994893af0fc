// Owns the keyboard: one place that says which key does what, and leaves every key alone while somebody types or a dialog is open.

import { dialog } from '../actions.ts';
import { go } from '../router.ts';
import { mayOperate } from '../store.ts';

export const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ['/', 'search endpoints'],
  ['j or ↓, k or ↑', 'next or previous row'],
  ['Enter', 'open the row'],
  ['d', 'drain the endpoint'],
  ['m', 'put it into maintenance'],
  ['r', 'make it ready again'],
  ['w', 'change its weight'],
  ['Esc', 'close'],
  ['g then o t w h c e a', 'go to Overview, Traffic, World, Health, Config, Explain, Audit'],
  ['?', 'this help'],
];

const VIEWS: Readonly<Record<string, string>> = {
  o: '#/',
  t: '#/traffic',
  w: '#/world',
  h: '#/health',
  c: '#/config',
  e: '#/explain',
  a: '#/audit',
};
const ACTIONS = { d: 'drain', m: 'maintenance', r: 'ready', w: 'weight' } as const;

/** Moves through rows; a table takes over where rows come and go. */
export const mover: { move: ((by: number) => boolean) | undefined } = { move: undefined };
let going = 0;

export function listenToKeys(): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || dialog.value !== undefined) return;
    const { target, key } = event;
    if (target instanceof HTMLElement && target.matches('input, textarea, select')) {
      if (key === 'Escape') target.blur();
      return;
    }
    if (onKey(key)) event.preventDefault();
  });
}

function onKey(key: string): boolean {
  if (performance.now() - going < 1500 && VIEWS[key] !== undefined) {
    going = 0;
    go(VIEWS[key]);
    return true;
  }
  if (key === 'g') going = performance.now();
  if (key === '?') dialog.value = { kind: 'help' };
  else if (key === '/') return search();
  else if (key === 'j' || key === 'ArrowDown') return moveBy(1, key === 'j');
  else if (key === 'k' || key === 'ArrowUp') return moveBy(-1, key === 'k');
  else if (key === 'Escape') return closePanel();
  else if (key in ACTIONS) return act(ACTIONS[key as keyof typeof ACTIONS]);
  else return false;
  return true;
}

function search(): boolean {
  const field = document.querySelector<HTMLInputElement>('input[type=search]');
  if (field === null) return false;
  field.focus();
  field.select();
  return true;
}

/** Arrows scroll the page until a row is focused. */
function moveBy(by: number, always: boolean): boolean {
  const inRow = document.activeElement?.closest('[data-row]') !== null && document.activeElement !== document.body;
  if (!always && !inRow) return false;
  if (mover.move?.(by) === true) return true;
  const links = [...document.querySelectorAll<HTMLElement>('[data-row] a')];
  if (links.length === 0) return false;
  const at = links.indexOf(document.activeElement as HTMLElement);
  links[Math.max(0, Math.min(links.length - 1, at + by))].focus();
  return true;
}

function closePanel(): boolean {
  const link = document.querySelector<HTMLAnchorElement>('a[data-close]');
  link?.click();
  return link !== null;
}

/** On the endpoint that is focused, or open. */
function act(kind: (typeof ACTIONS)[keyof typeof ACTIONS]): boolean {
  if (!mayOperate.value) return false;
  const focused = document.activeElement?.closest<HTMLElement>('[data-id]');
  const id = (focused ?? document.querySelector<HTMLElement>('.panel[data-id]'))?.dataset.id;
  if (id === undefined) return false;
  dialog.value = { kind, id };
  return true;
}
