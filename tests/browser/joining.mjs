// Somebody is invited, joins, forgets the password and comes back: three people in three browsers.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [base, email, password] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
const newcomer = `mia-${process.pid}@example.com`;

async function window() {
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => { throw error; });
  return page;
}

async function signIn(page, email, password) {
  await page.goto('/login');
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await Promise.all([page.waitForURL(new URL('/', base).href), page.click('form button.primary')]);
}

try {
  const owner = await window();
  await signIn(owner, email, password);
  await owner.goto('/settings/members');
  await owner.fill('#email', newcomer);
  await owner.selectOption('#role', 'MEMBER');
  await owner.click('form[action="/settings/invites"] button');
  const link = (await owner.locator('#invite-link').innerText()).trim();
  assert.match(link, /\/accept-invite\?token=/);
  const path = new URL(link).pathname + new URL(link).search;

  const mia = await window();
  await mia.goto(path);
  await mia.fill('#name', 'Mia Newcomer');
  await mia.fill('#password', 'Correct-horse-7');
  await Promise.all([mia.waitForURL(new URL('/', base).href), mia.click('form button.primary')]);
  await mia.goto('/settings/members');
  assert.ok(await mia.locator('main').getByText(newcomer).isVisible(), 'Mia is a member');
  assert.equal(await mia.locator('text=Invite somebody').count(), 0, 'and invites nobody');
  await mia.goto('/admin');
  assert.equal(await mia.locator('h1').innerText(), 'You may not do this');
  console.log('ok   an invitation makes a member');

  await owner.goto(`/admin/accounts?q=${encodeURIComponent(newcomer)}`);
  await owner.click(`text=${newcomer}`);
  await owner.click('form[action$="/link"] button');
  const reset = new URL((await owner.locator('#password-link').innerText()).trim());
  const again = await window();
  await again.goto('/login');
  await again.click('text=Forgot your password?');
  assert.match(await again.locator('main').innerText(), /Ask an administrator/);
  await again.goto(reset.pathname + reset.search);
  await again.fill('#password', 'Another-horse-8');
  await Promise.all([again.waitForURL(new URL('/', base).href), again.click('form button.primary')]);
  await mia.goto('/');
  assert.match(mia.url(), /\/login/, 'her other sessions have ended');
  console.log('ok   a lost password is made anew');
} finally {
  await browser.close();
}
