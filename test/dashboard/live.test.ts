// What a newcomer does with the dashboard alone: see which backend is slow, drain it, watch traffic move. Real backends, real traffic,
// a real browser, and the keyboard only.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { openPage, startBrowser } from '../../src/testing/browser.ts';
import { needs } from '../../src/testing/programs.ts';
import { type Shop, startShop } from '../../src/testing/shop.ts';

const skip = needs('chromium');
let browser: Browser;
before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(() => browser?.close());

/** Of the table, from top to bottom. */
async function rowsOf(page: Page): Promise<{ address: string; text: string }[]> {
  const rows = page.locator('table.endpoints tbody tr[data-id]');
  const texts = await rows.allInnerTexts();
  const addresses = await page.locator('table.endpoints tbody a.address').allInnerTexts();
  return texts.map((text, i) => ({ address: addresses[i], text: text.replace(/\s+/g, ' ') }));
}

/** Percent of the pool's requests, as the table has it. */
async function shareOf(page: Page, address: string): Promise<number> {
  const row = (await rowsOf(page)).find((one) => one.address === address);
  return Number(/([\d.]+) %/.exec(row?.text ?? '')?.[1] ?? Number.NaN);
}

async function until(page: Page, what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (await holds()) return;
    await page.waitForTimeout(200);
  }
  assert.fail(`${what}; there is: ${JSON.stringify(await rowsOf(page))}`);
}

const slowestOf = ({ api }: Shop): string => api[2].address;

test('the slow backend is told on the first page, is on top of its pool and is marked; drained by keyboard, its traffic moves', {
  skip,
}, async (t) => {
  const shop = await startShop(t);
  const { page, complaints } = await openPage(t, browser, `${shop.world.origin}/dashboard/`);
  const slow = slowestOf(shop);
  await page.getByText('One thing to look at').waitFor({ timeout: 15_000 });
  const matter = page.locator('.matters li');
  assert.match(await matter.innerText(), new RegExp(`api/${slow} is slow: p95 \\d+ ms, [\\d.]+ times the median`));
  // Numbers are those of real traffic.
  const rate = Number(await page.locator('.summary .lead b').innerText());
  assert.ok(rate > 20 && rate < 2000, String(rate));

  await matter.locator('a').press('Enter');
  await page.locator('.panel[data-id]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.panel').waitFor({ state: 'detached' });
  await until(page, 'the slow one is on top', async () => (await rowsOf(page))[0]?.address === slow);
  const [first, ...others] = await rowsOf(page);
  assert.match(first.text, /× slower/);
  for (const { text } of others) assert.doesNotMatch(text, /slower/);

  // A request that takes long, so that the drain has something to wait for.
  shop.api[2].delayMs = 2500;
  await page.waitForTimeout(150);
  await page.keyboard.press('j');
  await page.keyboard.press('d');
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/It takes no new work from now on/).waitFor();
  const said = await dialog.innerText();
  assert.match(said, new RegExp(`Drain ${slow}\\?`));
  assert.match(said, /2 other endpoints of api take over/);
  await page.keyboard.type('too slow');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await page
    .locator('.drain')
    .getByText(/drains/)
    .waitFor();
  await until(page, 'it is draining', async () => (await rowsOf(page)).some((row) => /draining/.test(row.text)));
  await page.locator('.drain-empty').getByText('is empty').waitFor({ timeout: 12_000 });
  await until(page, 'its share is gone', async () => (await shareOf(page, slow)) < 3);
  const before = shop.api[2].answered;
  await until(page, 'the others have it', async () => {
    const [one, two] = [await shareOf(page, shop.api[0].address), await shareOf(page, shop.api[1].address)];
    return one > 30 && two > 30 && one + two > 97;
  });
  await page.waitForTimeout(500);
  assert.equal(shop.api[2].answered, before, 'nothing reaches it');
  const { body } = await shop.world.ask('GET', '/api/v1/audit');
  assert.deepEqual([body[0].action, body[0].what, body[0].note], ['drain', `api/${slow}`, 'too slow']);

  shop.api[2].delayMs = 5;
  await page.locator('.drain').getByRole('button', { name: 'Take back' }).press('Enter');
  await page
    .getByRole('dialog')
    .getByText(/gets its share of new work/)
    .waitFor();
  await page.getByRole('button', { name: 'Make ready' }).press('Enter');
  await until(page, 'it is used again', async () => (await shareOf(page, slow)) > 5);
  assert.ok(shop.api[2].answered > before);
  await page.locator('.drain').waitFor({ state: 'detached' });
  assert.deepEqual([...shop.load.outcomes.keys()], ['200'], 'no request failed');
  assert.deepEqual(complaints, []);
});

test('a backend that dies is told with its evidence; weights change after a question; what a restart would lose is told', {
  skip,
}, async (t) => {
  const shop = await startShop(t);
  const [first, second] = shop.api;
  const { page, complaints } = await openPage(t, browser, `${shop.world.origin}/dashboard/#/pools/api`);
  await page.locator('a.address', { hasText: first.address }).click();
  const panel = page.locator('.panel');
  await panel.getByText('GET /health → 200').first().waitFor();
  await panel.getByRole('button', { name: 'Weight…' }).click();
  await page.getByRole('spinbutton', { name: /Weight/ }).fill('6');
  await page
    .getByRole('dialog')
    .getByText(/By weights it would have 75 %/)
    .waitFor();
  await page.getByRole('button', { name: 'Change weight' }).click();
  await panel.getByText('Weight', { exact: true }).locator('xpath=following-sibling::dd').getByText('6').waitFor();
  await page.getByText('1 change that a restart would lose:').waitFor();

  second.server.close();
  second.server.closeAllConnections();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.locator('.matters').getByText(`api/${second.address}`).waitFor({ timeout: 12_000 });
  await page.locator('.matter-bad', { hasText: second.address }).waitFor();
  await page.getByRole('link', { name: 'Health' }).click();
  await page
    .locator('.timeline li', { hasText: second.address })
    .first()
    .getByText(/refused|ECONNREFUSED/)
    .waitFor();

  await page.getByRole('link', { name: 'Explain' }).click();
  await page.getByLabel('URL').fill(`http://127.0.0.1:${shop.port}/api/items`);
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByText('by the route api of shop').waitFor();
  const verdict = page.locator('.explanation tr', { hasText: second.address });
  await verdict.getByText('down or ejected').waitFor();
  assert.deepEqual(complaints, []);
});
