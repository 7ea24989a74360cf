// What the stories in a real browser share: a browser, steps that are told, and pictures that are looked at.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
export const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
let passed = 0;

export async function step(name, work) {
  try {
    await work();
    passed += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    console.error(`FAIL ${name}\n${error.stack}`);
    await browser.close();
    console.log(`${passed} passed, 1 failed`);
    process.exit(1);
  }
}

/** A window of its own; what its console complains about is kept. */
export async function open(base, options = {}) {
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => message.type() === 'error' && page.complaints.push(message.text()));
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  return page;
}

/** Signs the window's person in, who then stands at their work. */
export async function signIn(page, email, password) {
  await page.goto('/login');
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await Promise.all([page.waitForURL((url) => url.pathname === '/'), page.click('form button.primary')]);
  return page;
}

/** Nothing wider than the window, nothing that accessibility checks find; and a picture, where there is a folder for it. */
export async function check(page, name, picture, pictures) {
  // Colours on their way from light to dark are neither.
  await page.evaluate(() => {
    const settled = Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
    return Promise.race([settled.then(() => {}), new Promise((resolve) => { setTimeout(resolve, 1000); })]);
  });
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${name} is ${wide} px wide in a window of ${room} px`);
  if (pictures) {
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: `${pictures}/${picture}.png`, fullPage: room < 600 });
  }
  // Playwright may add a script where the page's own policy forbids it.
  const found = await page.evaluate(`${axe}; axe.run().then((result) => result.violations.map((v) => v.id + ': ' + v.nodes[0].html))`);
  assert.deepEqual(found, [], name);
}

/** The page as it is, light and dark, on a phone and a desktop. */
export async function look(page, name, pictures) {
  for (const colorScheme of ['light', 'dark']) {
    for (const [device, viewport] of [['phone', { width: 360, height: 740 }], ['desktop', { width: 1280, height: 800 }]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      await check(page, name, `${name}-${colorScheme}-${device}`, pictures);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** What an agent with this key has: a function that calls tools, as MCP clients do. */
export async function agent(base, token) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  let number = 0;
  async function send(message) {
    const answer = await fetch(new URL('/mcp', base), { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...message }) });
    const session = answer.headers.get('mcp-session-id');
    if (session) headers['mcp-session-id'] = session;
    const text = await answer.text();
    assert.ok(answer.ok, text);
    const data = text.split('\n').filter((line) => line.startsWith('data: {')).at(-1)?.slice(6) ?? text;
    return data && JSON.parse(data);
  }
  const clientInfo = { name: 'story', version: '1' };
  await send({ id: ++number, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } });
  await send({ method: 'notifications/initialized' });
  return async (name, args) => {
    const { result, error } = await send({ id: ++number, method: 'tools/call', params: { name, arguments: args } });
    assert.ok(result && !result.isError, JSON.stringify(error ?? result));
    return result.structuredContent;
  };
}

export async function done() {
  await browser.close();
  console.log(`${passed} passed, 0 failed`);
}
