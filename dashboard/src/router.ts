// Owns which view is open: the part of the address behind "#", so that every view can be linked to.

import { computed, signal } from '@preact/signals';

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

export interface Place {
  readonly view: string;
  readonly parts: readonly string[];
}

export const place = computed((): Place => {
  const [view = '', ...parts] = hash.value
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decoded);
  return { view, parts };
});

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const linkTo = (...parts: readonly string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;

/** To the endpoint, in its pool. */
export function endpointLink(id: string): string {
  const at = id.indexOf('/');
  return linkTo('pools', id.slice(0, at), id.slice(at + 1));
}

/** How ids are shown: sites are no endpoints. */
export const nameOf = (id: string): string => id.replace(/^@sites\//, 'site ');

export function go(link: string): void {
  location.hash = link;
}
