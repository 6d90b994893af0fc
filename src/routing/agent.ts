// Owns what kind of client a User-Agent belongs to. Bots by the `isbot` list; mobile by the client hint where there is one
// (Sec-CH-UA-Mobile) and else by what MDN recommends to look for ("Mobi"), tablets of Android included; everything else is
// a desktop. It is what the client says of itself: good for serving, no proof of anything.

import { isbot } from 'isbot';
import type { AgentClass } from '../config/types.ts';
import { Recent } from '../core/recent.ts';
import type { RequestHead } from './route.ts';

const MOST = 4096;
/** Longer ones are no browser's, and are not worth remembering. */
const LONGEST = 512;
const MOBILE = /Mobi|Android/i;

const known = new Recent<AgentClass>(MOST);

export function agentClass(head: RequestHead): AgentClass {
  const text = head.header('user-agent');
  const found = text === undefined ? 'bot' : classOf(text);
  // The hint outdoes what the text says, but a bot that says it is one is believed.
  if (found === 'bot') return found;
  const hint = head.header('sec-ch-ua-mobile');
  return hint === undefined ? found : hint === '?1' ? 'mobile' : 'desktop';
}

function classOf(text: string): AgentClass {
  if (text.length > LONGEST) return computed(text.slice(0, LONGEST));
  const before = known.get(text);
  if (before !== undefined) return before;
  const found = computed(text);
  known.set(text, found);
  return found;
}

function computed(text: string): AgentClass {
  // A client that says nothing of itself is no browser.
  if (text === '' || isbot(text)) return 'bot';
  return MOBILE.test(text) ? 'mobile' : 'desktop';
}
