// A deal from the first call to the first task of its project; and one that is lost.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { done, look, open, signIn, step } from './story.mjs';

const [base, email, password, pictures] = process.argv.slice(2);
const page = await signIn(await open(base, { acceptDownloads: true }), email, password);
const send = (button = 'main form button.primary') => Promise.all([page.waitForNavigation(), page.locator(button).first().click()]);
const columnOf = (id) => page.locator(`#board .column:has([data-card="${id}"]) [data-column-name]`).innerText();
const mark = Date.now().toString(36);
let deal = '';

await step('an organization that is here already is shown before it is added again', async () => {
  await page.goto('/crm/organizations/new');
  await page.fill('#name', `Fjordline ${mark} GmbH`);
  await page.fill('#website', `fjord-${mark}.example`);
  await send();
  const first = page.url();
  await page.goto('/crm/organizations/new');
  await page.fill('#name', `fjordline ${mark}`);
  await send();
  assert.match(await page.locator('.notice.warn').innerText(), /This looks like one you have/);
  assert.equal(await page.inputValue('#name'), `fjordline ${mark}`);
  await look(page, 'lookalike', pictures);
  await Promise.all([page.waitForURL(first), page.locator('.notice.warn a').click()]);
  await Promise.all([page.waitForURL('**/crm/deals/new?*'), page.click('main .actions >> text=New deal')]);
});

await step('its deal is moved through the stages by keyboard, and the board says what it lacks', async () => {
  await page.fill('#title', `Booking site ${mark}`);
  await page.fill('#value', '24000');
  await send();
  deal = new URL(page.url()).pathname;
  const id = deal.split('/').at(-1);
  await page.goto('/crm/deals?owner=me&attention=NO_NEXT_STEP');
  assert.match(await page.locator(`#${id}`).innerText(), /No next step/);
  for (const stage of ['Qualified', 'Proposal']) {
    await page.locator(`[data-card="${id}"] h3 a`).focus();
    const moved = page.waitForResponse((answer) => answer.url().includes('/move'));
    await page.keyboard.press('Alt+ArrowRight');
    assert.ok((await moved).ok());
    await page.locator('#toasts .toast', { hasText: `to ${stage}` }).waitFor();
    assert.equal(await columnOf(id), stage);
  }
  await look(page, 'board-narrowed', pictures);
  await page.setViewportSize({ width: 1280, height: 800 });
});

await step('after a call the page asks for the next step, and one Enter plans it', async () => {
  await page.goto(deal);
  await page.click('.composer .switch button[value=CALL]');
  await page.fill('.composer [name=body]', 'They want it before summer.');
  await Promise.all([page.waitForURL('**?next=1'), page.keyboard.press('Control+Enter')]);
  assert.equal(await page.evaluate(() => document.activeElement.name), 'title');
  await look(page, 'next-step', pictures);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.fill('.next-step [name=title]', 'Send the offer');
  await Promise.all([page.waitForURL((url) => url.pathname === deal && !url.search), page.keyboard.press('Enter')]);
  assert.match(await page.locator('.todo-item').innerText(), /Send the offer[\s\S]*Tomorrow/);
  await send('.todo-item .check');
  await Promise.all([page.waitForURL((url) => !url.search), page.click('.next-step >> text=Skip')]);
});

await step('single keys lead to what is changed most, which is saved in place', async () => {
  for (const [key, id] of [['s', 'stage'], ['a', 'ownerId'], ['d', 'expectedCloseAt'], ['v', 'value'], ['n', 'nextStep']]) {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press(key);
    assert.equal(await page.evaluate(() => document.activeElement.id), id, key);
  }
  await page.fill('#value', '26000');
  const saved = page.waitForResponse((answer) => answer.url().endsWith('/set'));
  await page.keyboard.press('Enter');
  await saved;
  await page.locator('#value[value="26000"]').waitFor();
  assert.equal(await page.locator('.composer .switch button').count(), 5, 'the composer is still one');
  await look(page, 'deal-in-place', pictures);
  await page.setViewportSize({ width: 1280, height: 800 });
});

await step('it is won, becomes a project, and has its first task there', async () => {
  await send('main .actions button.good');
  await Promise.all([page.waitForURL('**/project'), page.click('text=Make it a project')]);
  await look(page, 'make-project', pictures);
  await send();
  const project = new URL(page.url()).pathname;
  assert.match(project, /^\/projects\/[A-Z]+$/);
  await page.goto(`/tasks/new?project=${project.split('/').at(-1)}`);
  await page.fill('#title', 'Kick-off');
  await send();
  await page.goto(deal);
  await Promise.all([page.waitForURL(`**${project}`), page.locator(`.record-side a[href="${project}"]`).click()]);
  await page.goto(`${project}/settings`);
  assert.equal(await page.locator(`a[href="${deal}"]`).count(), 1, 'and back');
});

await step('another one is lost for a reason, which the table counts', async () => {
  await page.goto('/crm/deals/new');
  await page.fill('#title', `Second site ${mark}`);
  await send();
  await page.locator('main .actions >> text=Lost').click();
  await page.fill('#lost-reason', `Too dear ${mark}`);
  await look(page, 'lose-dialog', pictures);
  await send('#lose-deal button.danger');
  assert.match(await page.locator('.record-side').innerText(), new RegExp(`Too dear ${mark}`));
  await page.goto('/crm/deals?view=table');
  await page.selectOption('[name=lostReason]', `Too dear ${mark}`);
  await send('.filters > button');
  assert.match(await page.locator('tfoot').innerText(), /^1 deal/);
});

await step('columns are chosen, and the file has the same', async () => {
  await page.goto('/crm/deals?view=table&q=site');
  await page.click('.columns summary');
  await page.locator('.columns input[value=next]').uncheck();
  await page.locator('.columns input[value=age]').check();
  await send('.columns button');
  const heads = await page.locator('thead th').allInnerTexts();
  assert.ok(heads.includes('In stage') && !heads.includes('Next step'), heads.join());
  assert.match(page.url(), /q=site/);
  await look(page, 'columns', pictures);
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('tfoot a')]);
  const lines = readFileSync(await file.path(), 'utf8').split('\r\n');
  assert.match(lines[0], /^Deal,Organization,Status,Stage,Days in stage,Value,Currency/);
  assert.ok(lines.some((line) => line.startsWith(`Booking site ${mark},Fjordline ${mark} GmbH,WON,Proposal,0,26000,`)), lines.join('\n'));
  assert.deepEqual(page.complaints.filter((text) => !text.includes('409')), []);
});

await done();
