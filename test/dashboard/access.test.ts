// Who sees the dashboard and what of it, and what happens when the balancer is away.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { adminWorld } from '../../src/testing/admin.ts';
import { openPage, startBrowser } from '../../src/testing/browser.ts';
import { needs } from '../../src/testing/programs.ts';

const skip = needs('chromium');
let browser: Browser;
before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(() => browser?.close());

const document = {
  listeners: { web: { bind: '127.0.0.1:0', pool: 'api' } },
  pools: { api: { endpoints: ['10.255.0.1:80', '10.255.0.2:80'], health: false } },
};
const READ = 'reading-token-0123456789';
const OPERATE = 'operating-token-0123456789';
const tokens = [
  { name: 'grafana', role: 'read', token: READ },
  { name: 'ops', role: 'operate', token: OPERATE },
];

test('with tokens the page asks for one; a token that may read sees everything but actions', { skip }, async (t) => {
  const world = await adminWorld(t, document, { admin: { tokens } });
  const expected = /401|403/;
  const { page, complaints } = await openPage(t, browser, `${world.origin}/dashboard/#/pools/api`, { expected });
  const field = page.getByLabel('Token');
  await field.fill('a wrong token of some length');
  await page.getByRole('button', { name: 'Come in' }).click();
  await page.getByText('This token is not known here.').waitFor();
  await field.fill(READ);
  await page.keyboard.press('Enter');
  await page.locator('a.address', { hasText: '10.255.0.1:80' }).click();
  await page.locator('.panel').getByText('It is not checked').waitFor();
  assert.equal(
    await page.getByRole('button', { name: /Drain|Maintenance|Weight…|Remove|Add…|Ready/ }).count(),
    1,
    'the filter',
  );
  await page.keyboard.press('d');
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.getByRole('link', { name: 'Config' }).click();
  await page.getByText('With every default, without secrets.').waitFor();
  assert.equal(await page.getByRole('textbox').count(), 0);
  assert.ok(!page.url().includes(READ));
  // In this tab it holds over a reload; in a new one it is asked for again.
  await page.reload();
  await page.getByText('With every default, without secrets.').waitFor();
  await page.getByRole('button', { name: /leave/ }).click();
  await field.fill(OPERATE);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Apply…' }).waitFor();
  assert.deepEqual(complaints, []);
});

test('a balancer that is away: how old the numbers are is told, and the page comes back by itself', {
  skip,
}, async (t) => {
  const world = await adminWorld(t, document);
  const expected = /ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|network/i;
  const { page, complaints } = await openPage(t, browser, `${world.origin}/dashboard/#/pools/api`, { expected });
  await page.locator('.is-live').waitFor();
  await page.locator('a.address', { hasText: '10.255.0.2:80' }).waitFor();
  await world.restartAdmin(async () => {
    await page.getByText(/not connected, trying again · numbers are \d+ s old/).waitFor();
    await page.locator('main.stale').waitFor();
    // What happens meanwhile is seen afterwards.
    await world.runtime.operations.addEndpoint('api', '10.255.0.3:80', 'test');
  });
  await page.locator('.is-live').waitFor();
  await page.locator('a.address', { hasText: '10.255.0.3:80' }).waitFor();
  assert.equal(await page.locator('main.stale').count(), 0);
  assert.deepEqual(complaints, []);
});

test('names from outside are text, whatever they contain', { skip }, async (t) => {
  const world = await adminWorld(t, document);
  const evil = '<img src=x onerror="document.title=1">';
  const path = '/api/v1/pools/api/endpoints/10.255.0.1:80';
  await world.ask('PATCH', path, { body: { mode: 'drain', note: evil } });
  const { page, complaints } = await openPage(t, browser, `${world.origin}/dashboard/#/audit`);
  await page.getByRole('cell', { name: evil, exact: true }).waitFor();
  await page.getByRole('link', { name: 'Health' }).click();
  await page.locator('.evidence', { hasText: evil }).waitFor();
  assert.equal(await page.title(), 'Evenkeel');
  assert.deepEqual(complaints, []);
});
