// A configuration changed from the dashboard: planned while it is written, applied after a question, rolled back.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Browser, Locator } from 'playwright-core';
import { adminWorld } from '../../src/testing/admin.ts';
import { openPage, startBrowser } from '../../src/testing/browser.ts';
import { needs } from '../../src/testing/programs.ts';

const skip = needs('chromium');
let browser: Browser;
before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(() => browser?.close());

/** By asking again: the page allows no code from outside, not even a test's. */
async function shows(editor: Locator, text: string): Promise<void> {
  for (let i = 0; i < 40 && !(await editor.inputValue()).includes(text); i++) await editor.page().waitForTimeout(100);
  assert.ok((await editor.inputValue()).includes(text), text);
}

const document = {
  listeners: { web: { bind: '127.0.0.1:0', pool: 'api' } },
  pools: { api: { balance: 'least-connections', endpoints: ['10.255.0.1:80', '10.255.0.2:80'], health: false } },
};

test('what is wrong is told with line and hint; what would change, before it does; applied, and rolled back', {
  skip,
}, async (t) => {
  const world = await adminWorld(t, document);
  const expected = /422/;
  const { page, complaints } = await openPage(t, browser, `${world.origin}/dashboard/#/config`, { expected });
  const editor = page.getByLabel('The configuration');
  await page.getByText('Nothing is changed yet').waitFor();
  const text = await editor.inputValue();
  assert.match(text, /least-connections/);
  const apply = page.getByRole('button', { name: 'Apply…' });
  assert.ok(await apply.isDisabled());

  await editor.fill(text.replace('least-connections', 'leest-connections'));
  const line = text.split('\n').findIndex((one) => one.includes('least-connections')) + 1;
  const issue = page.locator('.issues li');
  await issue.getByText(`line ${line}`).waitFor();
  assert.match(await issue.innerText(), /pools\.api\.balance[\s\S]*did you mean "least-connections"\?/);
  assert.equal(await page.locator('.gutter .is-wrong').innerText(), String(line));
  assert.ok(await apply.isDisabled());

  await editor.fill(text.replace('10.255.0.2:80', '10.255.0.9:80'));
  const plan = page.locator('.verdict .plan');
  await plan.getByText('endpoint api/10.255.0.9:80').waitFor();
  assert.deepEqual((await plan.locator('b').allInnerTexts()).sort(), [
    'endpoint api/10.255.0.2:80',
    'endpoint api/10.255.0.9:80',
  ]);
  assert.ok(!Object.keys(world.runtime.config.pools.api).includes('10.255.0.9'), 'nothing is applied yet');
  await apply.click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('2 changes, all at once or none').waitFor();
  await dialog.getByRole('checkbox').uncheck();
  await dialog.getByLabel('Why').fill('new machine');
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await page.getByText('The configuration in effect is not in its file.').waitFor();
  const hosts = () => world.runtime.config.pools.api.endpoints.map(({ address }) => address.host);
  assert.deepEqual(hosts(), ['10.255.0.1', '10.255.0.9']);
  assert.match(readFileSync(world.file, 'utf8'), /10\.255\.0\.2/);

  await page.getByRole('cell', { name: 'local: new machine' }).waitFor();
  await page.getByRole('button', { name: 'Roll back to version 1' }).click();
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await page.getByText('The configuration in effect is not in its file.').waitFor({ state: 'detached' });
  assert.deepEqual(hosts(), ['10.255.0.1', '10.255.0.2']);
  await shows(editor, '10.255.0.2');
  assert.deepEqual(complaints, []);
});

test('whoever was slower is told, and nothing of his is lost', { skip }, async (t) => {
  const world = await adminWorld(t, document);
  const expected = /412/;
  const { page, complaints } = await openPage(t, browser, `${world.origin}/dashboard/#/config`, { expected });
  const editor = page.getByLabel('The configuration');
  await page.getByText('Nothing is changed yet').waitFor();
  const text = await editor.inputValue();
  await editor.fill(text.replace('least-connections', 'p2c'));
  await page.locator('.verdict .plan').getByText('pool api').waitFor();
  const { headers } = await world.ask('GET', '/api/v1/config');
  const theirs = text.replace('least-connections', 'random');
  const ifMatch = { 'if-match': headers.get('etag')! };
  assert.equal((await world.ask('PUT', '/api/v1/config', { body: theirs, headers: ifMatch })).status, 200);
  await page.getByText('Somebody else changed the configuration meanwhile').waitFor();
  assert.match(await editor.inputValue(), /p2c/);
  await page.getByRole('button', { name: 'Apply…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await dialog.getByText('somebody changed it meanwhile').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Take theirs, drop mine' }).click();
  await shows(editor, 'random');
  assert.deepEqual(complaints, []);
});
