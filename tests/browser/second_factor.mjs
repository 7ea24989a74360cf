// The second factor as somebody meets it: set up by the picture's secret, signed in with, lost, turned off.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { done, look, open, step } from './story.mjs';

const [base, email, password, pictures] = process.argv.slice(2);

/** RFC 6238, so many steps of 30 seconds from now: each code is taken once. */
function code(secret, steps = 0) {
  const bits = [...secret.replaceAll(' ', '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac('sha1', key).update(counter).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

const press = (page, selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);

async function signIn(page) {
  await page.goto('/login?next=/inbox');
  await page.fill('[name=email]', email);
  await page.fill('[name=password]', password);
  await press(page, 'form button.primary');
}

const page = await open(base, { acceptDownloads: true });
let secret;
let paper;

await step('it is set up with the secret of the picture', async () => {
  await signIn(page);
  await page.goto('/settings/security');
  await look(page, 'security-off', pictures);
  await page.fill('[name=password]', password);
  await press(page, 'text=Set it up');
  const size = await page.locator('img.qr').evaluate((image) => image.naturalWidth);
  assert.ok(size > 100, `the picture is ${size} px wide: the policy lets it stand`);
  secret = await page.locator('#totp-secret').innerText();
  await look(page, 'security-setup', pictures);
  await page.fill('[name=code]', '000000');
  await press(page, 'text=Turn it on');
  assert.match(await page.locator('#code-error').innerText(), /is not right/i);
  assert.equal(await page.locator('#totp-secret').innerText(), secret);
  await page.fill('[name=code]', code(secret));
  await press(page, 'text=Turn it on');
});

await step('recovery codes are shown once and can be saved', async () => {
  paper = await page.locator('.codes code').allInnerTexts();
  assert.equal(paper.length, 10);
  await look(page, 'security-codes', pictures);
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('text=Download')]);
  assert.equal(file.suggestedFilename(), 'sally-recovery-codes.txt');
  const text = readFileSync(await file.path(), 'utf8');
  for (const one of paper) assert.ok(text.includes(one));
  await page.goto('/settings/security');
  assert.match(await page.locator('main').innerText(), /10 of 10 left/);
  await look(page, 'security-on', pictures);
});

await step('signing in asks for the code, and a used one is refused', async () => {
  await page.context().clearCookies();
  await signIn(page);
  assert.match(page.url(), /\/login\/code/);
  await look(page, 'login-code', pictures);
  await page.goto('/inbox');
  assert.match(page.url(), /\/login\?next=/, 'nobody is in yet');
  await signIn(page);
  const now = code(secret, 1);
  await page.fill('#code', now);
  await press(page, 'form button.primary');
  assert.equal(await page.locator('h1').innerText(), 'Inbox');
  await page.context().clearCookies();
  await signIn(page);
  await page.fill('#code', now);
  await press(page, 'form button.primary');
  assert.match(await page.locator('#code-error').innerText(), /used before/);
  await look(page, 'login-code-wrong', pictures);
});

await step('a recovery code lets in who has no app at hand', async () => {
  await page.click('details summary');
  await page.fill('#recovery', paper[0]);
  await press(page, 'details button');
  assert.equal(await page.locator('h1').innerText(), 'Inbox');
  await page.goto('/settings/security');
  assert.match(await page.locator('main').innerText(), /9 of 10 left/);
});

await step('it is turned off with password and code', async () => {
  await page.fill('[name=password]', password);
  await page.fill('#code', paper[1]);
  await press(page, 'text=Turn off');
  assert.match(await page.locator('.toast').innerText(), /is off/);
  await page.context().clearCookies();
  await signIn(page);
  assert.equal(await page.locator('h1').innerText(), 'Inbox');
});

await done();
