// Steps in a real browser by mouse, keyboard and forms alone, with and without JavaScript. Fails on a step that does not work.
import assert from 'node:assert/strict';
import { done, open, signIn, step } from './story.mjs';

const [base, email, password] = process.argv.slice(2);

/** A window somebody is signed in to, at the deals unless told otherwise. */
async function signedIn({ at = '/crm/deals', ...options } = {}) {
  const page = await signIn(await open(base, options), email, password);
  if (at !== '/') await page.goto(at);
  return page;
}

await step('whoever signs in sees their work', async () => {
  const page = await signedIn({ at: '/' });
  assert.equal(await page.locator('h1').innerText(), 'My work');
  assert.ok(await page.locator('.agenda .todo-item').count() > 5, 'the demo has tasks');
  await page.context().close();
});

await step('the pipeline has its stages and sums', async () => {
  const page = await signedIn();
  const names = await page.locator('#board [data-column-name]').allInnerTexts();
  assert.deepEqual(names.map((name) => name.trim()), ['Lead', 'Qualified', 'Proposal', 'Negotiation', 'Won', 'Lost']);
  assert.ok(await page.locator('#board [data-card]').count() > 5, 'the demo has deals');
  assert.match(await page.locator('.column-totals').first().innerText(), /\d/);
  await page.context().close();
});

/** The name of the column a card is in. */
const columnOf = (page, id) => page.locator(`#board .column:has([data-card="${id}"]) [data-column-name]`).innerText();

await step('a card is moved by keyboard, and is there after a reload', async () => {
  const page = await signedIn();
  const id = await page.locator('#board [data-card]').first().getAttribute('data-card');
  assert.equal(await columnOf(page, id), 'Lead');
  await page.locator(`[data-card="${id}"] h3 a`).focus();
  const moved = page.waitForResponse((answer) => answer.url().includes('/move'));
  await page.keyboard.press('Alt+ArrowRight');
  assert.ok((await moved).ok());
  await page.locator('.toast', { hasText: 'Moved' }).waitFor();
  await page.reload();
  assert.equal(await columnOf(page, id), 'Qualified');
  await page.context().close();
});

await step('a card is dragged to another column', async () => {
  const page = await signedIn();
  const card = page.locator('#board .column').nth(1).locator('[data-card]').first();
  const id = await card.getAttribute('data-card');
  const moved = page.waitForResponse((answer) => answer.url().includes('/move'));
  await card.dragTo(page.locator('#board .column').nth(2).locator('.cards'));
  assert.ok((await moved).ok());
  await page.reload();
  assert.equal(await columnOf(page, id), 'Proposal');
  await page.context().close();
});

await step('without JavaScript a card is moved by its form', async () => {
  const page = await signedIn({ javaScriptEnabled: false });
  const card = page.locator('#board .column').nth(2).locator('[data-card]').first();
  const id = await card.getAttribute('data-card');
  await card.locator('details summary').click();
  await card.locator('select[name=to]').selectOption({ label: 'Negotiation' });
  await card.locator('form button').first().click();
  await page.waitForLoadState();
  assert.equal(await columnOf(page, id), 'Negotiation');
  await page.context().close();
});

/** Runs what changes the page behind it, and waits until it has. */
async function changing(page, path, act, status = [200, 303]) {
  const answer = page.waitForResponse((answer) => answer.request().method() === 'POST' && answer.url().includes(path));
  await act();
  assert.ok(status.includes((await answer).status()), path);
  await page.waitForFunction(() => !document.querySelector('[data-sending], [data-moving]'));
}
const cardsIn = (page, number) => page.locator('#board .column').nth(number).locator('[data-card]').evaluateAll((cards) => cards.map((card) => card.dataset.card));

await step('a project is made, its tasks added, dragged, and moved by keyboard', async () => {
  const page = await signedIn({ at: '/projects/new' });
  await page.fill('[name=name]', 'Fair stand');
  await page.fill('[name=key]', 'FAIR');
  await Promise.all([page.waitForURL('**/projects/FAIR'), page.click('main form button.primary')]);
  assert.equal(await page.locator('#board .column').count(), 5);
  const add = page.locator('#board .column').first().locator('.quick-add');
  await add.locator('summary').click();
  await add.locator('input[name=title]').click();
  for (const title of ['Book the stand', 'Print the banner', 'Pack the van']) {
    await page.keyboard.type(title);
    await changing(page, '/projects/FAIR/tasks', () => page.keyboard.press('Enter'));
  }
  assert.deepEqual(await cardsIn(page, 0), ['FAIR-1', 'FAIR-2', 'FAIR-3']);

  await changing(page, '/move', () => page.locator('[data-card="FAIR-3"]').dragTo(page.locator('[data-card="FAIR-1"]'), { targetPosition: { x: 40, y: 4 } }));
  assert.deepEqual(await cardsIn(page, 0), ['FAIR-3', 'FAIR-1', 'FAIR-2']);
  await changing(page, '/move', () => page.locator('[data-card="FAIR-1"]').dragTo(page.locator('#board .column').nth(1)));
  assert.equal(await columnOf(page, 'FAIR-1'), 'In Progress');
  await page.locator('[data-card="FAIR-2"] h3 a').focus();
  await changing(page, '/move', () => page.keyboard.press('Alt+ArrowUp'));
  assert.equal(await page.evaluate(() => document.activeElement.closest('[data-card]').dataset.card), 'FAIR-2', 'the focus stays on the card');
  await page.reload();
  assert.deepEqual([await cardsIn(page, 0), await cardsIn(page, 1)], [['FAIR-2', 'FAIR-3'], ['FAIR-1']]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

await step('a task is worked on: owner, todos, a comment, time and the clock', async () => {
  const page = await signedIn({ at: '/tasks/FAIR-1' });
  await changing(page, '/set', () => page.selectOption('#priority', 'P1'));
  await changing(page, '/set', () => page.selectOption('#ownerId', { index: 1 }));
  for (const text of ['Ask for a corner', 'Pay the deposit']) {
    await page.fill('[name=text]', text);
    await changing(page, '/todos', () => page.keyboard.press('Enter'));
    assert.equal(await page.evaluate(() => document.activeElement.name), 'text', 'ready for the next one');
  }
  await changing(page, '/todos/', () => page.locator('.checklist .check').first().click());
  assert.equal(await page.locator('.checklist .todo-item.done').count(), 1);
  await page.fill('.composer [name=body]', 'The **corner** is ours. <script>alert(1)</script>');
  await changing(page, '/comments', () => page.keyboard.press('Control+Enter'));
  assert.equal(await page.locator('.comment .markdown strong').innerText(), 'corner');
  assert.match(await page.locator('.comment .markdown').innerText(), /<script>alert\(1\)<\/script>/);
  await page.fill('#minutes', '1h x');
  await changing(page, '/time', () => page.keyboard.press('Enter'), [422]);
  assert.equal(await page.inputValue('#minutes'), '1h x');
  assert.match(await page.locator('.notice.bad').innerText(), /is not a time such as/);
  await page.fill('#minutes', '1:30');
  await changing(page, '/time', () => page.keyboard.press('Enter'));
  assert.match(await page.locator('section[aria-labelledby=time]').innerText(), /1 h 30 min/);
  await Promise.all([page.waitForNavigation(), page.click('text=Start the clock')]);
  assert.match(await page.locator('.sidebar .clock').innerText(), /FAIR-1 Book the stand/);
  await page.goto('/');
  await changing(page, '/tasks/FAIR-1/done', () => page.locator('.todo-item:has-text("FAIR-1") .check').click());
  assert.equal(await page.locator('.todo-item:has-text("FAIR-1")').count(), 0);
  await Promise.all([page.waitForNavigation(), page.locator('.sidebar .clock button').click()]);
  assert.equal(await page.locator('.clock').count(), 0);
  await page.goto('/projects/FAIR/activity');
  assert.match(await page.locator('main').innerText(), /FAIR-1/);
  await page.context().close();
});

await step('without JavaScript a project is set up, worked on and put away', async () => {
  const page = await signedIn({ javaScriptEnabled: false, at: '/projects/FAIR' });
  const add = page.locator('#board .column').nth(1).locator('.quick-add');
  await add.locator('summary').click();
  await add.locator('input[name=title]').fill('Order the flyers');
  await add.locator('button').click();
  assert.equal(await columnOf(page, 'FAIR-4'), 'In Progress');
  await page.goto('/tasks/FAIR-4');
  await page.selectOption('#status', { label: 'Review' });
  await page.locator('form:has(#status) button').click();
  assert.equal(await page.locator('#status option:checked').innerText(), 'Review');
  await page.goto('/projects/FAIR/settings');
  await page.fill('[aria-label="Name of the new status"]', 'At the printer');
  await page.click('text=Add status');
  await page.click('[aria-label="Move At the printer up"]');
  await page.goto('/projects/FAIR');
  assert.deepEqual((await page.locator('[data-column-name]').allInnerTexts()).slice(3), ['Review', 'At the printer', 'Done']);
  await page.goto('/projects/FAIR/delete');
  await page.click('main button.danger');
  await page.waitForLoadState();
  assert.equal((await page.goto('/projects/FAIR')).status(), 404);
  await page.context().close();
});

await step('a form comes back with what was typed and says what is wrong', async () => {
  const page = await signedIn();
  await page.goto('/crm/deals/new');
  await page.fill('[name=title]', 'A deal from the browser');
  await page.fill('[name=value]', '12.345');
  await page.locator('main form button.primary').first().click();
  await page.waitForLoadState();
  assert.match(await page.locator('#value-error').innerText(), /3 decimals/);
  assert.equal(await page.inputValue('[name=title]'), 'A deal from the browser');
  await page.fill('[name=value]', '12345.50');
  await Promise.all([page.waitForURL(/\/crm\/deals\/deal_/), page.locator('main form button.primary').first().click()]);
  assert.match(await page.locator('h1').innerText(), /A deal from the browser/);
  await page.context().close();
});

await step('a key is made, shown once with a ready configuration, and revoked', async () => {
  const page = await signedIn();
  await page.goto('/settings/keys');
  await page.fill('[name=label]', 'From the browser');
  await page.locator('main form:has([name=label]) button.primary').click();
  await page.waitForLoadState();
  const text = await page.locator('main').innerText();
  const token = text.match(/(sallymcp|atpm)_[\w-]+/)[0];
  assert.match(text, /claude mcp add|mcpServers/);
  const answer = await fetch(`${base}/api/auth/me`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200);
  await page.goto('/settings/keys');
  assert.ok(!(await page.locator('main').innerText()).includes(token), 'the token is shown once');
  await page.context().close();
});

await step('signing out ends it', async () => {
  const page = await signedIn();
  await page.locator('form[action="/logout"] button').first().evaluate((button) => button.form.requestSubmit());
  await page.waitForURL('**/login*');
  await page.goto('/crm/deals');
  assert.match(page.url(), /\/login\?next=/);
  await page.context().close();
});

await done();
