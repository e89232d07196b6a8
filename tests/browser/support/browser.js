// Headless Chromium, Debian's own, and what a page must not do.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

import { atEnd } from '../../integration/support/program.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const missing = existsSync(CHROMIUM) ? false : `no ${CHROMIUM}`;

let browser;

export async function launch() {
  browser ??= await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  return browser;
}

atEnd(() => browser?.close());

// A page that keeps account of errors and of where it asks for things.
export async function openPage(options = {}) {
  const page = await (await launch()).newPage({
    viewport: { width: 1280, height: 720 },
    ...options,
  });
  page.complaints = [];
  page.asked = [];
  page.on('console', (message) => {
    if (message.type() === 'error') page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(error.message));
  page.on('request', (request) => page.asked.push(request.url()));
  page.on('websocket', (socket) => page.asked.push(socket.url()));
  return page;
}

// No errors, nothing a policy had to stop, nobody else asked.
export function assertWellBehaved(page, origin) {
  const { host } = new URL(origin);
  assert.deepEqual(page.complaints, []);
  const foreign = page.asked.filter(
    (url) => !url.startsWith('data:') && new URL(url).host !== host
  );
  assert.deepEqual(foreign, []);
}
