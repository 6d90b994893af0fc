import assert from 'node:assert/strict';
import { test } from 'node:test';
import desktops from 'top-user-agents/desktop';
import mobiles from 'top-user-agents/mobile';
import { requestHead } from '../testing/request-head.ts';
import { agentClass } from './agent.ts';

const classOf = (agent: string, more: Record<string, string> = {}): string =>
  agentClass(requestHead({ headers: { 'user-agent': agent, ...more } }));

test('the browsers that are used most are what they are', () => {
  assert.ok(desktops.length > 10 && mobiles.length > 10);
  for (const agent of desktops) assert.equal(classOf(agent), 'desktop', agent);
  for (const agent of mobiles) assert.equal(classOf(agent), 'mobile', agent);
});

test('crawlers, tools and clients that say nothing are bots, those that look like phones too', () => {
  for (const agent of [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
    'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
    'curl/8.5.0',
    'python-requests/2.31.0',
    'Go-http-client/2.0',
    '',
  ]) {
    assert.equal(classOf(agent), 'bot', agent);
  }
  assert.equal(agentClass(requestHead()), 'bot');
});

test('the client hint outdoes the text, but makes no browser of a bot', () => {
  const [desktop] = desktops;
  const [mobile] = mobiles;
  assert.equal(classOf(desktop, { 'sec-ch-ua-mobile': '?1' }), 'mobile');
  assert.equal(classOf(mobile, { 'sec-ch-ua-mobile': '?0' }), 'desktop');
  assert.equal(classOf('curl/8.5.0', { 'sec-ch-ua-mobile': '?1' }), 'bot');
});

test('a text without end is judged by its beginning', () => {
  assert.equal(classOf(`Mozilla/5.0 (iPhone) Mobile/15E148 ${'x'.repeat(10_000)}`), 'mobile');
});
