// The board and the list of a project: grouped, filtered, moved by mouse, key and finger, changed one by one and many at once.
import assert from 'node:assert/strict';
import { done, look, open, signIn, step } from './story.mjs';

const [base, email, password, pictures] = process.argv.slice(2);
const here = '/projects/CARDS';
const cardsIn = (page, column) => page.locator(`#board .column:has([data-column-name]:text-is("${column}")) [data-card]`).evaluateAll((cards) => cards.map((card) => card.dataset.card));
const column = (page, name) => page.locator(`#board .column:has([data-column-name]:text-is("${name}"))`);
const focused = (page) => page.evaluate(() => document.activeElement.closest('[data-card], tr')?.id);
const told = (page, text) => page.locator('.toast', { hasText: text }).last().waitFor();
const chosen = (page) => page.locator('#main .pick:checked').evaluateAll((boxes) => boxes.map((box) => box.value));

/** Runs what changes something behind the page, and waits until it is shown. */
async function changing(page, path, act, status = [200, 303]) {
  const answer = page.waitForResponse((answer) => answer.request().method() === 'POST' && answer.url().includes(path));
  await act();
  assert.ok(status.includes((await answer).status()), `${path} ${(await answer).status()}`);
  await page.waitForFunction(() => !document.querySelector('[data-sending], [data-moving]'));
}

const page = await signIn(await open(base), email, password);

await step('a task is added at the foot of a column, and what is new belongs to it', async () => {
  await page.goto('/projects/new');
  await page.fill('[name=name]', 'Cards');
  await page.fill('[name=key]', 'CARDS');
  await Promise.all([page.waitForURL(`**${here}`), page.click('main form button.primary')]);
  assert.match(await page.locator('.board-note').innerText(), /No tasks yet/);
  const add = column(page, 'Backlog').locator('.quick-add');
  await add.locator('summary').click();
  await add.locator('input[name=title]').click();
  for (const title of ['Paint', 'Brushes', 'Canvas', 'Frame']) {
    await page.keyboard.type(title);
    await changing(page, `${here}/tasks`, () => page.keyboard.press('Enter'));
  }
  assert.deepEqual(await cardsIn(page, 'Backlog'), ['CARDS-1', 'CARDS-2', 'CARDS-3', 'CARDS-4']);
  await page.goto(`${here}?group=priority`);
  const urgent = column(page, 'High').locator('.quick-add');
  await urgent.locator('summary').click();
  await urgent.locator('input[name=title]').fill('Easel');
  await changing(page, `${here}/tasks`, () => page.keyboard.press('Enter'));
  assert.deepEqual(await cardsIn(page, 'High'), ['CARDS-5']);
  assert.equal(await page.evaluate(() => document.activeElement.name), 'title', 'ready for the next one');
});

await step('a card moved into another column takes over what the column stands for, and Undo takes that back', async () => {
  await page.goto(`${here}?group=priority`);
  await changing(page, '/move', () => page.locator('[data-card="CARDS-1"]').dragTo(column(page, 'Low').locator('.cards')));
  assert.deepEqual(await cardsIn(page, 'Low'), ['CARDS-1']);
  await told(page, 'Moved CARDS-1 to Low');
  await page.locator('body').click({ position: { x: 640, y: 4 } });
  await page.keyboard.press('z');
  await told(page, 'CARDS-1 is back in Normal');
  assert.deepEqual(await cardsIn(page, 'Low'), []);
  await page.goto(`${here}?group=owner`);
  await page.locator('[data-card="CARDS-2"] h3 a').focus();
  await changing(page, '/move', () => page.keyboard.press('Alt+ArrowRight'));
  assert.ok(!(await cardsIn(page, 'Nobody')).includes('CARDS-2'));
  assert.equal(await focused(page), 'CARDS-2', 'the focus goes with the card');
  await page.goto(here);
  await changing(page, '/move', () => page.locator('[data-card="CARDS-3"]').dragTo(page.locator('[data-card="CARDS-1"]'), { targetPosition: { x: 40, y: 4 } }));
  assert.deepEqual((await cardsIn(page, 'Backlog')).slice(0, 2), ['CARDS-3', 'CARDS-1']);
  await page.locator('.toast button', { hasText: 'Undo' }).click();
  await told(page, 'CARDS-3 is back in Backlog');
  assert.deepEqual((await cardsIn(page, 'Backlog')).slice(0, 3), ['CARDS-1', 'CARDS-2', 'CARDS-3'], 'in its old place');
});

await step('a refused move puts the card back and says why', async () => {
  await page.route('**/move', (route) => route.fulfill({ status: 409, contentType: 'text/html', body: '<p data-reason>The project is archived.</p>' }));
  await page.locator('[data-card="CARDS-1"]').dragTo(column(page, 'Review').locator('.cards'));
  await told(page, 'CARDS-1 was not moved. The project is archived.');
  assert.equal((await cardsIn(page, 'Backlog'))[0], 'CARDS-1');
  await page.unroute('**/move');
  page.complaints.length = 0;
});

await step('a folded column stays folded', async () => {
  await page.goto(here);
  await column(page, 'Blocked').locator('[data-folds]').click();
  await page.reload();
  assert.ok(await column(page, 'Blocked').getAttribute('data-folded') !== null);
  assert.equal(await column(page, 'Blocked').locator('.cards').isVisible(), false);
  await look(page, 'board-folded', pictures);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.locator('[data-card="CARDS-1"] h3 a').focus();
  const left = (await page.locator('[data-column-name]').allInnerTexts()).indexOf('Blocked');
  for (let at = 0; at < left; at += 1) await changing(page, '/move', () => page.keyboard.press('Alt+ArrowRight'));
  assert.deepEqual(await cardsIn(page, 'Blocked'), ['CARDS-1']);
  assert.ok(await column(page, 'Blocked').locator('[data-folds]:focus').count(), 'a card that is not seen leaves the focus at what shows it');
  await page.keyboard.press('z');
  await told(page, 'CARDS-1 is back in');
  await page.goto(here);
  for (let at = left - 1; at > 0; at -= 1) {
    await page.locator('[data-card="CARDS-1"] h3 a').focus();
    await changing(page, '/move', () => page.keyboard.press('Alt+ArrowLeft'));
  }
  await changing(page, '/move', () => page.locator('[data-card="CARDS-1"]').dragTo(page.locator('[data-card="CARDS-2"]'), { targetPosition: { x: 40, y: 4 } }));
  assert.deepEqual((await cardsIn(page, 'Backlog')).slice(0, 2), ['CARDS-1', 'CARDS-2']);
  await column(page, 'Blocked').locator('[data-folds]').click();
});

await step('a filter is the address: taken away one by one, kept from board to list, and Back is exact', async () => {
  await page.goto(here);
  await page.selectOption('form[data-filter] [name=assignee]', 'none');
  await page.waitForURL(`**${here}?assignee=none`);
  await page.locator('.chip', { hasText: 'Nobody’s' }).waitFor();
  await page.focus('form[data-filter] [name=priority]');
  await page.selectOption('form[data-filter] [name=priority]', 'P1');
  await page.waitForURL('**?assignee=none&priority=P1');
  await page.waitForFunction(() => document.querySelectorAll('[data-card]').length === 1);
  assert.equal(await page.evaluate(() => document.activeElement.name), 'priority', 'the focus stays');
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('.chip').length === 1);
  assert.equal(await page.inputValue('form[data-filter] [name=priority]'), '');
  assert.equal((await cardsIn(page, 'Backlog')).length, 4);
  await page.goForward();
  await page.waitForFunction(() => document.querySelectorAll('.chip').length === 2);
  await Promise.all([page.waitForURL('**view=list**'), page.click('.switch >> text=List')]);
  assert.match(page.url(), /assignee=none&priority=P1&view=list$/);
  assert.deepEqual(await page.locator('tbody tr').evaluateAll((rows) => rows.map((row) => row.id)), ['CARDS-5']);
  await page.locator('.chip', { hasText: 'Owner' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.chip').length === 1);
  await page.fill('form[data-filter] [name=q]', 'no such thing');
  await page.keyboard.press('Enter');
  await page.locator('.empty', { hasText: 'No tasks fit the filter' }).waitFor();
  await page.click('text=Clear all');
  await page.waitForURL(`**${here}?view=list`);
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 5);
});

await step('a row is changed where it stands, by keys alone', async () => {
  await page.goto(`${here}?view=list&sort=createdAt`);
  await page.locator('#CARDS-2 th a').focus();
  await page.keyboard.press('p');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'priority');
  await page.locator('select:focus').selectOption('P1');
  await page.locator('#CARDS-2 .priority.P1').waitFor();
  assert.equal(await focused(page), 'CARDS-2');
  await page.keyboard.press('r');
  await page.keyboard.type('Fine brushes');
  await changing(page, '/row', () => page.keyboard.press('Enter'));
  await page.locator('#CARDS-2', { hasText: 'Fine brushes' }).waitFor();
  await page.keyboard.press('r');
  await page.fill('#CARDS-2 input[name=title]', ' ');
  await changing(page, '/row', () => page.keyboard.press('Enter'), [422]);
  assert.match(await page.locator('#CARDS-2 .error').innerText(), /Title is required/);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#CARDS-2 input[name=title]').count(), 0);
  assert.match(await page.locator('#CARDS-2 th').innerText(), /Fine brushes/);
  await page.keyboard.press('s');
  await page.locator('select:focus').evaluate((select) => { select.value = [...select.options].find(({ text }) => text === 'Review').value; });
  await changing(page, '/row', () => page.keyboard.press('Tab'));
  await page.waitForFunction(() => document.activeElement.name === 'priority');
  assert.match(await page.locator('#CARDS-2').innerText(), /Review/);
  await page.keyboard.press('Escape');
  await page.keyboard.press('d');
  await page.fill('#CARDS-2 input[name=dueDate]', '2031-05-06');
  await changing(page, '/row', () => page.keyboard.press('Enter'));
  await page.locator('#CARDS-2 time[datetime="2031-05-06"]').waitFor();
  await page.keyboard.press('l');
  await page.fill('#CARDS-2 input[name=labels]', 'studio, tools');
  await changing(page, '/row', () => page.keyboard.press('Enter'));
  await page.locator('#CARDS-2', { hasText: 'studio' }).waitFor();
  assert.deepEqual(page.complaints.filter((text) => !text.includes('422')), []);
  await page.keyboard.press('?');
  assert.match(await page.locator('#shortcuts').innerText(), /in a list also\s*R\s*its title/);
  await page.keyboard.press('Escape');
});

await step('many are chosen with X and Shift, changed at once, and changed back', async () => {
  await page.goto(`${here}?view=list&sort=createdAt&group=status`);
  assert.deepEqual(await page.locator('.group h2').evaluateAll((heads) => heads.map((head) => head.textContent.replace(/\s+/g, ' ').trim())), ['Backlog 4', 'Review 1']);
  await page.goto(`${here}?view=list&sort=createdAt`);
  await page.locator('#CARDS-5 th a').focus();
  const rows = await page.locator('tbody tr').evaluateAll((all) => all.map((row) => row.id));
  await page.locator(`#${rows[0]} th a`).focus();
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('Shift+X');
  assert.deepEqual(await chosen(page), rows.slice(0, 3));
  assert.equal(await page.locator('[data-chosen]').innerText(), '3 selected');
  await look(page, 'list-chosen', pictures);
  await page.setViewportSize({ width: 1280, height: 800 });
  await changing(page, '/tasks/change', () => page.selectOption('#bulk [name=status]', { label: 'In Progress' }));
  await told(page, '3 tasks changed');
  assert.equal(await page.locator('tbody tr', { hasText: 'In Progress' }).count(), 3);
  assert.deepEqual((await chosen(page)).sort(), rows.slice(0, 3).sort(), 'they stay chosen');
  await page.locator('.toast button', { hasText: 'Undo' }).click();
  await told(page, 'Undone');
  assert.equal(await page.locator('tbody tr', { hasText: 'In Progress' }).count(), 0);
  await changing(page, '/tasks/change', () => page.selectOption('#bulk [name=priority]', 'P3'));
  await page.locator('.toast button', { hasText: 'Undo' }).waitFor();
  await page.route('**/tasks/change', (route) => route.fulfill({ status: 409, contentType: 'text/html', body: '<p data-reason>The project is archived.</p>' }));
  await page.locator('.toast button', { hasText: 'Undo' }).click();
  await told(page, 'Not all of it was undone. The project is archived.');
  await page.unroute('**/tasks/change');
  page.complaints.length = 0;
  await page.locator(`#${rows[0]} th a`).focus();
  await page.keyboard.press('Escape');
  assert.deepEqual(await chosen(page), []);
  assert.equal(await page.locator('#bulk').isVisible(), false);
  await page.locator(`#${rows[1]} .pick`).click();
  await page.locator(`#${rows[3]} .pick`).click({ modifiers: ['Shift'] });
  assert.deepEqual(await chosen(page), rows.slice(1, 4));
  await page.goto(here);
  await page.locator('[data-card="CARDS-4"] h3 a').focus();
  await page.keyboard.press('x');
  await changing(page, '/tasks/change', () => page.selectOption('#bulk [name=addLabels]', 'tools'));
  await page.locator('[data-card="CARDS-4"]', { hasText: 'tools' }).waitFor();
});

await step('boards and lists by every grouping, light and dark, phone and desktop', async () => {
  for (const group of ['status', 'owner', 'label', 'priority']) {
    await page.goto(`${here}?group=${group}&due=NONE`);
    await look(page, `board-${group}`, pictures);
    await page.goto(`${here}?group=${group}&view=list`);
    await look(page, `list-${group}`, pictures);
  }
  await page.goto(`${here}?q=nothing+like+it`);
  await look(page, 'board-nothing', pictures);
  assert.deepEqual(page.complaints.filter((text) => !text.includes('422')), []);
  await page.context().close();
});

await step('a finger that rests on a card carries it, and one that moves at once scrolls', async () => {
  const phone = await signIn(await open(base, { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true }), email, password);
  await phone.goto(here);
  const finger = await phone.context().newCDPSession(phone);
  const at = (type, x, y) => finger.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y }] });
  const middle = async (selector) => { const box = await phone.locator(selector).boundingBox(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  const [x, y] = await middle('[data-card="CARDS-1"]');

  await at('touchStart', x, y);
  for (let step = 1; step <= 10; step += 1) await at('touchMove', x - step * 25, y);
  await at('touchEnd');
  await phone.waitForFunction(() => document.querySelector('#board').scrollLeft > 50);
  assert.equal(await phone.locator('.ghost').count(), 0);
  assert.ok((await cardsIn(phone, 'Backlog')).includes('CARDS-1'));

  await phone.reload();
  const [startX, startY] = await middle('[data-card="CARDS-1"]');
  await at('touchStart', startX, startY);
  await phone.locator('.ghost').waitFor();
  const moved = phone.waitForResponse((answer) => answer.url().includes('/move'));
  // To the edge, where the board scrolls by itself, until the next column is under the finger.
  for (let step = 1; step <= 10; step += 1) await at('touchMove', startX + (380 - startX) * step / 10, startY);
  await phone.locator('.column:has([data-column-name]:text-is("In Progress")) .cards[data-over]').waitFor();
  await at('touchEnd');
  assert.ok((await moved).ok());
  await told(phone, 'Moved CARDS-1 to In Progress');
  assert.deepEqual(await cardsIn(phone, 'In Progress'), ['CARDS-1']);
  assert.equal(new URL(phone.url()).pathname, here, 'letting go is no press');
  assert.deepEqual(phone.complaints, []);
  await phone.context().close();
});

await step('without JavaScript tasks are filtered, moved, and changed together', async () => {
  const plain = await signIn(await open(base, { javaScriptEnabled: false }), email, password);
  await plain.goto(`${here}?view=list`);
  await plain.selectOption('form[data-filter] [name=priority]', 'P1');
  await plain.click('form[data-filter] button');
  await plain.waitForURL('**priority=P1**');
  assert.equal(await plain.locator('.chip').count(), 1);
  await plain.goto(`${here}?view=list&sort=createdAt`);
  await plain.check('#CARDS-3 .pick');
  await plain.check('#CARDS-4 .pick');
  await plain.selectOption('#bulk [name=priority]', 'P3');
  await plain.selectOption('#bulk [name=dueDate]', 'tomorrow');
  await plain.click('#bulk .primary');
  assert.match(await plain.locator('.toast').innerText(), /2 tasks changed/);
  for (const key of ['CARDS-3', 'CARDS-4']) assert.match(await plain.locator(`#${key}`).innerText(), /Low[\s\S]*Tomorrow/);
  await plain.goto(`${here}?group=priority`);
  await plain.locator('[data-card="CARDS-3"] details.menu > summary').click();
  await plain.locator('[data-card="CARDS-3"] select[name=to]').selectOption({ label: 'High' });
  await plain.locator('[data-card="CARDS-3"] form button').click();
  await plain.locator('.toast', { hasText: 'moved to High' }).waitFor();
  assert.ok((await cardsIn(plain, 'High')).includes('CARDS-3'));
  await plain.goto(`${here}/delete`);
  await plain.click('main button.danger');
  await plain.context().close();
});

await done();
