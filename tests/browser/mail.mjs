// What arrives by mail, opened in a browser: an invitation, and a new password. tests/mail/browser.sh starts the mail server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { done, look, open, signIn, step } from './story.mjs';

const [base, email, password, inbox, pictures] = process.argv.slice(2);
const first = 'Correct-horse-7';
const second = 'Another-horse-8';
const known = { mia: `mia-${process.pid}@example.com`, leo: `leo-${process.pid}@example.com` };

/** The link in the next mail to somebody with that subject, as its text has it; the button leads to the same. */
async function mailed(to, subject) {
  for (let tries = 0; tries < 150; tries += 1) {
    const lines = readFileSync(inbox, { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean);
    const mail = lines.map((line) => JSON.parse(line)).find((one) => one.to[0] === to && one.subject.includes(subject));
    if (mail) {
      const link = mail.text.match(/https?:\S+\?token=\S+/)[0];
      assert.ok(mail.html.includes(`href="${link}"`), mail.html);
      return link;
    }
    await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
  throw new Error(`no mail “${subject}” to ${to}`);
}

const press = (page, selector) => Promise.all([page.waitForURL((url) => url.pathname === '/'), page.click(selector)]);

/** Invites somebody; the link that the page shows. */
async function invite(owner, newcomer) {
  await owner.goto('/settings/members');
  await owner.fill('#email', newcomer);
  await owner.selectOption('#role', 'MEMBER');
  await owner.click('form[action="/settings/invites"] button');
  return (await owner.locator('#invite-link').innerText()).trim();
}

async function join(link, name) {
  const page = await open(base);
  await page.goto(link);
  await page.fill('#name', name);
  await page.fill('#password', first);
  await press(page, 'form button.primary');
  return page;
}

/** Asks for a new password, and opens the link that comes. */
async function forgot(newcomer) {
  const page = await open(base);
  await page.goto('/login');
  await page.click('text=Forgot your password?');
  await page.fill('#email', newcomer);
  await page.click('form button.primary');
  assert.equal(await page.locator('h1').innerText(), 'Look into your inbox');
  await page.goto(await mailed(newcomer, 'Set a new password'));
  return page;
}

const owner = await signIn(await open(base), email, password);

await step('Mia joins by the mailed invitation, forgets the password and comes back by mail', async () => {
  const passedOn = await invite(owner, known.mia);
  const link = await mailed(known.mia, 'Join');
  assert.notEqual(link, passedOn, 'what is mailed is for her eyes only');
  const mia = await join(link, 'Mia Newcomer');
  await mia.goto('/settings/members');
  assert.ok(await mia.locator('main').getByText(known.mia).isVisible(), 'she is a member');

  const again = await forgot(known.mia);
  assert.equal(await again.locator('.notice').count(), 0, 'nothing of hers is in doubt');
  await again.fill('#password', second);
  await press(again, 'form button.primary');
  await mia.goto('/');
  assert.match(mia.url(), /\/login/, 'her other sessions have ended');
  await signIn(await open(base), known.mia, second);
  assert.deepEqual(again.complaints, []);
});

await step('Leo, whose account somebody may have opened for him, is told what ends before he presses', async () => {
  const leo = await join(await invite(owner, known.leo), 'Leo Newcomer');
  await leo.goto('/settings/keys');
  await leo.fill('#label', 'Laptop');
  await leo.click('form[action="/settings/keys"] button.primary');

  const again = await forgot(known.leo);
  assert.match(await again.locator('.notice').innerText(), /Keys, connections and second factor end too/);
  await look(again, 'reset-first-proof', pictures);
  await again.fill('#password', second);
  await press(again, 'form button.primary');
  assert.ok(await again.getByText('You have shown that this account is yours.').isVisible());
  await again.goto('/settings/keys');
  assert.match(await again.locator('main').innerText(), /Laptop[\s\S]*Revoked/i);
  assert.deepEqual(again.complaints, []);
});

await step('what one is told of is chosen', async () => {
  const page = await signIn(await open(base), known.mia, second);
  await page.goto('/settings/notifications');
  await page.uncheck('[name=email][value="task.assigned"]');
  await page.click('form button.primary:has-text("Save")');
  await page.waitForURL((url) => url.pathname === '/settings/notifications');
  assert.equal(await page.isChecked('[name=email][value="task.assigned"]'), false);
  assert.equal(await page.isChecked('[name=inApp][value="task.assigned"]'), true);
  await look(page, 'settings-notifications', pictures);
});

await done();
