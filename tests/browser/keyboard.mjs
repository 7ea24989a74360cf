// What the keyboard can do: commands, lists, a record beside its list.
import assert from 'node:assert/strict';
import { done, open, signIn, step } from './story.mjs';

const [base, email, password] = process.argv.slice(2);
const inFrame = (page) => page.frameLocator('.peek iframe');

await step('Ctrl K goes anywhere, finds anything, and does what the page can do', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/projects/MENU');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('acti');
  assert.equal(await page.locator('#commands [aria-selected]').innerText(), 'Activity');
  await Promise.all([page.waitForURL('**/projects/MENU/activity'), page.keyboard.press('Enter')]);

  await page.keyboard.press('Control+k');
  await page.keyboard.type('wine list');
  await page.locator('#commands [role=option]', { hasText: 'Wine list as a loose sheet' }).first().waitFor();
  await Promise.all([page.waitForURL('**/tasks/MENU-10'), page.keyboard.press('Enter')]);

  await page.keyboard.press('Control+k');
  await page.keyboard.type('due');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'dueDate');

  await page.goto('/');
  await page.keyboard.press('Control+k');
  assert.match(await page.locator('#commands').innerText(), /Recent[\s\S]*Wine list/);
  await page.keyboard.type('zzzz');
  await page.waitForFunction(() => document.querySelector('#commands[data-empty]'));
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#palette[open]').count(), 0);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

await step('J and K go down and up, Space shows the record beside the list, and what is changed there is in the list', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/projects/MENU?view=list&sort=createdAt');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  const row = page.locator('tbody tr:focus-within');
  const key = await row.getAttribute('id');
  await page.keyboard.press('Space');
  await inFrame(page).locator('h1').waitFor();
  await page.keyboard.press('j');
  await page.waitForFunction((before) => !document.querySelector('.peek iframe').contentWindow.location.pathname.endsWith(before), key);
  await page.keyboard.press('k');
  await page.waitForFunction((before) => document.querySelector('.peek iframe').contentWindow.location.pathname.endsWith(`/${before}`), key);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.peek[open]').count(), 0);

  await page.goto('/projects/MENU');
  await page.locator(`[data-card="${key}"] h3 a`).focus();
  await page.keyboard.press('p');
  await inFrame(page).locator('#priority:focus').waitFor();
  await inFrame(page).locator('#priority').selectOption('P1');
  await inFrame(page).locator('#priority option[value=P1][selected]').waitFor({ state: 'attached' });
  await page.keyboard.press('Escape');
  await page.locator(`[data-card="${key}"] .priority.P1`).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.closest('[data-card]')?.dataset.card), key, 'the focus is back on the card');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

await step('single keys act on what is open, never while somebody types, and all are listed', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/tasks/MENU-10');
  for (const [key, id] of [['s', 'status'], ['a', 'ownerId'], ['p', 'priority'], ['d', 'dueDate'], ['l', 'labels']]) {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press(key);
    assert.equal(await page.evaluate(() => document.activeElement.id), id, key);
  }
  await page.keyboard.type('c');
  assert.match(page.url(), /MENU-10$/, 'a letter in a field is a letter');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('?');
  const listed = await page.locator('#shortcuts').innerText();
  for (const name of ['New task', 'Go to Inbox', 'Status', 'Owner', 'Due', 'Edit']) assert.match(listed, new RegExp(name));
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await Promise.all([page.waitForURL('**/inbox'), page.keyboard.press('i')]);
  await page.context().close();
});

await step('C adds a task in place, and [ puts the sidebar away', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/projects/MENU');
  await page.keyboard.press('c');
  await page.locator('dialog[open] [name=title]:focus').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('dialog[open] [role=alert]').waitFor();
  await page.locator('dialog[open] [name=title]').focus();
  await page.keyboard.type('Measure the counter');
  await page.locator('dialog[open] [name=dueDate]').fill('2030-01-31');
  await page.locator('dialog[open] [name=title]').press('Enter');
  await page.locator('.toast a', { hasText: 'is added' }).waitFor();
  await page.locator('[data-card]', { hasText: 'Measure the counter' }).waitFor();
  assert.match(page.url(), /\/projects\/MENU$/, 'one stays where one is');

  // The project is chosen while the title is there already; what comes late goes to the one that is shown.
  await page.goto('/projects/MENU');
  await page.keyboard.press('c');
  await page.locator('dialog[open] [name=title]').fill('Where it belongs');
  await page.route('**/tasks/new?project=*', async (route) => { await new Promise((resolve) => { setTimeout(resolve, 500); }); await route.continue(); });
  const project = page.locator('#quick-project');
  const other = await project.locator('option:not(:checked)').first().innerText();
  await project.selectOption({ label: other });
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('dialog[open] form')?.inert === false);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'quick-project', 'the focus stays');
  assert.equal(await project.locator('option:checked').innerText(), other);
  assert.equal(await page.inputValue('dialog[open] [name=title]'), 'Where it belongs');
  await page.locator('dialog[open] [name=title]').press('Enter');
  await page.locator('.toast a', { hasText: 'is added' }).click();
  await page.locator('.crumbs', { hasText: other }).waitFor();
  assert.match(await page.locator('h1').innerText(), /Where it belongs/);
  await page.unroute('**/tasks/new?project=*');
  await page.goto('/projects/MENU');
  await page.keyboard.press('[');
  assert.equal(await page.locator('#sidebar').isVisible(), false);
  await page.reload();
  assert.equal(await page.locator('#sidebar').isVisible(), false, 'this browser remembers');
  await page.keyboard.press('[');
  assert.ok(await page.locator('#sidebar').isVisible());
  await page.context().close();
});

await step('a half-written comment stays while the page takes over what is new', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/tasks/MENU-10');
  await page.fill('#body', 'Not finished yet');
  await page.fill('[name=text]', 'Measure the shelf');
  await page.keyboard.press('Enter');
  await page.locator('.checklist', { hasText: 'Measure the shelf' }).waitFor();
  assert.equal(await page.inputValue('#body'), 'Not finished yet');
  assert.equal(await page.inputValue('[name=text]'), '', 'what was sent is gone');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'text');
  await page.context().close();
});

await done();
