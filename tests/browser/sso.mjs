// Single sign-on as somebody meets it, at a real provider: sso.sh starts it, and a server that asks it.
import assert from 'node:assert/strict';
import { done, look, open, step } from './story.mjs';

const [base, email, pictures] = process.argv.slice(2);

const press = (page, selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);

/** To the provider, and there to the end as that person. */
async function signIn(login, at = '/inbox') {
  const page = await open(base);
  await page.goto(at);
  assert.match(page.url(), /\/login\?next=/);
  await press(page, 'text=Sign in with Acme Login');
  assert.ok(!page.url().startsWith(base), 'at the provider');
  await page.fill('[name=login]', login);
  await page.fill('[name=password]', 'whatever it is there');
  await press(page, 'button[type=submit]');
  await press(page, 'button[type=submit]');
  return page;
}

await step('somebody who has an account comes in and is where they wanted to go', async () => {
  const page = await signIn(email);
  assert.equal(page.url(), new URL('/inbox', base).href);
  assert.equal(await page.locator('h1').innerText(), 'Inbox');
  await page.goto('/settings');
  assert.match(await page.locator('main').innerText(), new RegExp(email));
  await page.context().close();
});

await step('a newcomer joins the workspace that is set', async () => {
  const page = await signIn('mia', '/projects');
  assert.equal(await page.locator('h1').innerText(), 'Projects');
  assert.ok(await page.locator('table tbody a').count() > 0, 'the projects of the sample');
  await page.context().close();
});

await step('an address that is not verified, or of elsewhere, is refused in plain words', async () => {
  for (const [login, words] of [['unverified', /has not verified your e-mail/], ['eve@evil.example', /evil\.example are not let in/]]) {
    const page = await signIn(login);
    assert.match(await page.locator('.notice').innerText(), words);
    assert.equal(await page.locator('h1').innerText(), 'Sign in');
    if (login === 'unverified') await look(page, 'login-sso-refused', pictures);
    await page.context().close();
  }
});

await step('whoever turns back at the provider is told so, and an answer counts once', async () => {
  const page = await open(base);
  await page.goto('/login');
  await look(page, 'login-sso', pictures);
  await press(page, 'text=Sign in with Acme Login');
  await press(page, 'text=Cancel');
  assert.match(await page.locator('.notice').innerText(), /was not completed there/);
  const answer = page.url();
  await page.goto(answer);
  assert.match(await page.locator('.notice').innerText(), /began in another window/);
  await page.context().close();
});

await done();
