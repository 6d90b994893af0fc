// Owns the routes of one host by path: a map of exact paths and a trie of segments for what begins with a literal. The cost
// of a match grows with the segments of the path, not with the number of routes.

import { accepts, type Candidate, compareCandidates } from './rank.ts';
import type { RequestHead } from './route.ts';

interface Node<R> {
  readonly children: Map<string, Node<R>>;
  /** Routes whose literal ends within a segment, by the rest of it, e.g. `img-` of `/img-`. */
  readonly partial: Map<string, Candidate<R>[]>;
  /** Lengths of the keys of `partial`, longest first. */
  lengths: readonly number[];
  /** Routes whose literal ends here, behind a slash (or is empty, at the root). */
  readonly here: Candidate<R>[];
}

const newNode = <R>(): Node<R> => ({ children: new Map(), partial: new Map(), lengths: [], here: [] });

export class PathTable<R> {
  readonly #exact = new Map<string, Candidate<R>[]>();
  readonly #root = newNode<R>();
  readonly #anyPath: Candidate<R>[] = [];

  constructor(candidates: readonly Candidate<R>[]) {
    // Sorted once, so every list that is filled in this order is sorted too.
    for (const candidate of candidates.toSorted(compareCandidates)) this.#add(candidate);
  }

  /** The most specific route of this host that accepts the request. */
  find(head: RequestHead): R | undefined {
    const { path } = head;
    const exact = this.#exact.get(path);
    const found =
      (exact && firstAccepting(exact, head)) ??
      this.#descend(this.#root, 0, path, head) ??
      firstAccepting(this.#anyPath, head);
    return found?.target;
  }

  /** Deepest first: a longer literal is more specific. `from` is where the segment below `node` starts. */
  #descend(node: Node<R>, from: number, path: string, head: RequestHead): Candidate<R> | undefined {
    if (node.children.size > 0) {
      const slash = path.indexOf('/', from);
      const child = slash < 0 ? undefined : node.children.get(path.slice(from, slash));
      const found = child && this.#descend(child, slash + 1, path, head);
      if (found !== undefined) return found;
    }
    const { lengths } = node;
    for (let i = 0; i < lengths.length; i++) {
      if (from + lengths[i] > path.length) continue;
      const candidates = node.partial.get(path.slice(from, from + lengths[i]));
      const found = candidates && firstAccepting(candidates, head);
      if (found !== undefined) return found;
    }
    return firstAccepting(node.here, head);
  }

  #add(candidate: Candidate<R>): void {
    if (candidate.path === undefined) this.#anyPath.push(candidate);
    else if (candidate.path.kind === 'exact') listIn(this.#exact, candidate.literal).push(candidate);
    else this.#insert(candidate);
  }

  #insert(candidate: Candidate<R>): void {
    const segments = candidate.literal.split('/');
    const rest = segments.pop()!;
    let node = this.#root;
    for (const segment of segments) {
      let child = node.children.get(segment);
      if (child === undefined) {
        child = newNode();
        node.children.set(segment, child);
      }
      node = child;
    }
    if (rest === '') {
      node.here.push(candidate);
      return;
    }
    listIn(node.partial, rest).push(candidate);
    if (!node.lengths.includes(rest.length)) node.lengths = [...node.lengths, rest.length].sort((a, b) => b - a);
  }
}

function firstAccepting<R>(candidates: readonly Candidate<R>[], head: RequestHead): Candidate<R> | undefined {
  for (let i = 0; i < candidates.length; i++) if (accepts(candidates[i], head)) return candidates[i];
  return undefined;
}

function listIn<R>(map: Map<string, Candidate<R>[]>, key: string): Candidate<R>[] {
  let list = map.get(key);
  if (list === undefined) {
    list = [];
    map.set(key, list);
  }
  return list;
}
