// Owns a headless Chromium for tests of pages, and what a page must never do while it is tested: throw, complain, load from elsewhere.

import type { TestContext } from 'node:test';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findProgram } from './programs.ts';

export const BROWSER_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findProgram('chromium')!, args: BROWSER_FLAGS });
}

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong inside of the page. */
  readonly complaints: readonly string[];
}

/** `expected` complaints are no complaints: those of a server that is away, say. */
export async function openPage(
  t: TestContext,
  browser: Browser,
  url: string,
  { expected = /^$/, ...options }: BrowserContextOptions & { readonly expected?: RegExp } = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  const complaints: string[] = [];
  const complain = (text: string): void => void (expected.test(text) || complaints.push(text));
  page.on('pageerror', (error) => complain(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complain(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin)) complain(`asks elsewhere: ${request.url()}`);
  });
  await page.goto(url);
  return { page, context, complaints };
}
