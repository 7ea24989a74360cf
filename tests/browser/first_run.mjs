// An empty file becomes a place to work in: the one-time link, the first steps, an assistant that calls, a first task.
import assert from 'node:assert/strict';
import { agent, done, look, open, step } from './story.mjs';

const [base, link, kind, pictures] = process.argv.slice(2);
const [device, viewport] = kind === 'phone' ? ['phone', { width: 360, height: 740 }] : ['desktop', { width: 1280, height: 800 }];
const javaScriptEnabled = kind !== 'plain';
const page = await open(base, { viewport, javaScriptEnabled, timezoneId: 'Europe/Berlin' });
const see = async (name) => { if (javaScriptEnabled) await look(page, `first-run-${name}`, kind === 'phone' ? undefined : pictures); await page.setViewportSize(viewport); };

await step(`the link leads to an account and a workspace (${kind}, ${device})`, async () => {
  await page.goto(link);
  if (javaScriptEnabled) assert.equal(await page.inputValue('#timeZone'), 'Europe/Berlin');
  await see('setup');
  await page.fill('#name', 'Ada Park');
  await page.fill('#email', 'ada@example.com');
  await page.fill('#password', 'too short');
  await page.fill('#workspace', 'Northlight');
  await page.click('button.primary');
  assert.ok(await page.locator('#password-error').isVisible());
  assert.equal(await page.inputValue('#name'), 'Ada Park');
  await page.fill('#password', 'Correct-horse-7');
  await Promise.all([page.waitForURL('**/welcome'), page.click('button.primary')]);
  assert.match(await page.locator('h1').innerText(), /Welcome, Ada Park/);
  await see('data');
});

await step('sample data is there if one wants it', async () => {
  if (kind === 'phone') {
    await Promise.all([page.waitForURL('**/welcome/assistant'), page.click('form[action="/welcome/sample"] button')]);
    await page.goto('/projects');
    assert.ok(await page.locator('table tbody tr').count() > 3);
    await page.goto('/welcome');
    assert.equal(await page.locator('form').count(), 0, 'it is not filled twice');
  }
  await Promise.all([page.waitForURL('**/welcome/assistant'), page.click('a.primary')]);
  await see('assistant');
});

await step('an assistant gets a key, and its first call is seen', async () => {
  await page.fill('#label', '');
  await page.click('button.primary');
  assert.ok(await page.locator('#label-error').isVisible());
  await page.fill('#label', 'Claude on my laptop');
  await page.click('button.primary');
  const token = (await page.locator('#new-token').innerText()).trim();
  for (const client of ['claude', 'claude-desktop', 'cursor', 'vscode', 'codex']) assert.match(await page.locator(`#config-${client}`).textContent(), new RegExp(token));
  await see('key');
  assert.match(await page.locator('#connection').innerText(), /Waiting/);
  const call = await agent(base, token);
  await call('project.list', {});
  if (javaScriptEnabled) await page.locator('#connection.good').waitFor({ timeout: 3000 });
  else {
    await page.click('#connection a');
    assert.match(await page.locator('#connection').innerText(), /Connected/);
    await page.goto('/welcome/first');
  }
  await see('connected');
  if (javaScriptEnabled) await Promise.all([page.waitForURL('**/welcome/first'), page.click('a.primary')]);
  assert.equal(await page.locator('h1').innerText(), 'What first?');
  await see('first');
});

await step('a first project, and a first task', async () => {
  await page.click('a[href="/projects/new"]');
  await page.fill('#name', 'Website relaunch');
  await page.click('button.primary');
  await page.waitForURL(/\/projects\/[A-Z0-9]+$/);
  await page.goto(`/tasks/new?project=${page.url().split('/').pop()}`);
  await page.fill('#title', 'Write the offer');
  await page.click('form[action="/tasks/new"][method=post] button.primary');
  await page.waitForURL(/\/tasks\/[A-Z0-9]+-\d+$/);
  assert.equal(await page.locator('h1').innerText(), 'Write the offer');
  assert.deepEqual(page.complaints.filter((text) => !/422/.test(text)), []);
});

await done();
