// That everybody can use it: no violation that axe finds, in every view, light and dark, and on a phone; and that it holds a thousand
// endpoints.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { adminWorld } from '../../src/testing/admin.ts';
import { openPage, startBrowser } from '../../src/testing/browser.ts';
import { needs } from '../../src/testing/programs.ts';
import { startShop } from '../../src/testing/shop.ts';

const skip = needs('chromium');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser: Browser;
before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(() => browser?.close());

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

async function violationsOf(page: Page): Promise<string[]> {
  const found = await page.evaluate<Violation[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)`,
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes[0].html} ${nodes[0].failureSummary}`);
}

test('axe finds no violation in any view, light and dark, wide and as narrow as a phone', { skip }, async (t) => {
  const shop = await startShop(t);
  const slow = shop.api[2].address;
  await shop.world.ask('PATCH', `/api/v1/pools/web/endpoints/${shop.web[0].address}`, { body: { mode: 'drain' } });
  const { page, context, complaints } = await openPage(t, browser, `${shop.world.origin}/dashboard/`);
  // By the browser, so that the policy of the page does not have to allow it.
  const session = await context.newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: AXE });
  await page.getByText('One thing to look at').waitFor({ timeout: 15_000 });
  const views: readonly (readonly [path: string, seen: string])[] = [
    ['', '.matters'],
    ['traffic', '.flow .band-slow'],
    [`pools/api/${encodeURIComponent(slow)}`, '.panel .evidence'],
    ['world', '.map .site-up'],
    ['health', '.timeline li'],
    ['config', '.editor textarea'],
    ['explain', 'form.explain'],
    ['audit', 'table.audit'],
  ];
  const found: string[] = [];
  for (const [scheme, width] of [
    ['light', 1360],
    ['dark', 1360],
    ['dark', 390],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 844 });
    for (const [path, seen] of views) {
      await page.evaluate(`location.hash = '#/${path}'`);
      await page.locator(seen).first().waitFor();
      for (const one of await violationsOf(page)) found.push(`${path} ${scheme} ${width}: ${one}`);
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
      if (wide > width) found.push(`${path} ${scheme} ${width}: the page is ${wide} wide`);
    }
    await page.evaluate(`location.hash = '#/pools/api'`);
    await page.locator('tr[data-id] a.address').first().waitFor();
    // The view may still be on its way when its rows are there already, and rows change places while they are looked at.
    for (let i = 0; i < 40 && !(await page.getByRole('dialog').isVisible()); i++) {
      await page.keyboard.press('j');
      await page.keyboard.press('d');
      await page.waitForTimeout(100);
    }
    await page.getByRole('dialog').waitFor();
    for (const one of await violationsOf(page)) found.push(`dialog ${scheme} ${width}: ${one}`);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    // The focus is where it was.
    await page.waitForFunction('document.activeElement.className === "address"');
  }
  assert.deepEqual(found, []);
  assert.deepEqual(complaints, []);
});

test('a thousand endpoints: few rows exist, all can be reached, by keyboard and by search', { skip }, async (t) => {
  const endpoints = Array.from({ length: 1000 }, (_, i) => `10.1.${Math.floor(i / 250)}.${(i % 250) + 1}:80`);
  const world = await adminWorld(t, {
    listeners: { web: { bind: '127.0.0.1:0', pool: 'big' } },
    pools: { big: { endpoints, health: false } },
  });
  const { page, complaints } = await openPage(t, browser, `${world.origin}/dashboard/#/pools/big`);
  const rows = page.locator('table.endpoints tr[data-id]');
  await rows.first().waitFor();
  assert.ok((await rows.count()) < 80, `${await rows.count()} rows`);
  assert.equal(await page.locator('table.endpoints').getAttribute('aria-rowcount'), '1001');
  for (let i = 0; i < 3; i++) await page.keyboard.press('j');
  assert.equal(await page.evaluate('document.activeElement.textContent'), endpoints[2]);
  await page.evaluate('document.activeElement.blur(); scrollTo(0, document.body.scrollHeight)');
  await page.locator('a.address', { hasText: endpoints[999] }).waitFor();
  assert.ok((await rows.count()) < 80);
  await page.keyboard.press('/');
  await page.keyboard.type('10.1.2.17:');
  await page.locator('a.address', { hasText: '10.1.2.17:80' }).waitFor();
  assert.equal(await rows.count(), 1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.locator('.panel').getByRole('heading', { name: '10.1.2.17:80' }).waitFor();
  assert.deepEqual(complaints, []);
});
