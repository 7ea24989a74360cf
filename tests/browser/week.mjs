// A week of time by keyboard alone, the clock, a report that is taken along and printed; then on a phone, and without scripts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, done, look, open, signIn, step } from './story.mjs';

const [base, email, password, pictures] = process.argv.slice(2);
// A week that the sample has nothing in, and the one after it.
const FIRST = '2025-03-03';
const SECOND = '2025-03-10';
const minutesOf = (text) => text.split(':').reduce((hours, part) => hours * 60 + Number(part), 0);
const cell = (page, row, day) => page.locator(`tr:has(th:has-text("${row}")) td`).nth(day).locator('input, a');
const total = async (page) => minutesOf((await page.locator('.week-head .figures b').first().innerText()).trim());
const idle = (page) => page.waitForFunction(() => [...document.querySelectorAll('.week td > input')].every((field) => field.value === field.defaultValue));

/** Types into the cell that has the focus, leaves it by a key, and waits until it is saved. */
async function type(page, text, key) {
  const answer = page.waitForResponse((answer) => answer.url().includes('/time/week') && answer.request().method() === 'POST');
  await page.keyboard.type(text);
  await page.keyboard.press(key);
  await answer;
  await idle(page);
}

await step('a week is typed in by keyboard alone', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto(`/time?week=${FIRST}`);
  for (const row of ['MENU-10', 'MENU-9']) {
    await page.keyboard.press('r');
    await page.keyboard.type(row);
    await Promise.all([page.waitForURL(/add=|rows=/), page.keyboard.press('Enter')]);
    await page.locator(`th:has-text("${row}")`).waitFor();
    await page.evaluate(() => document.activeElement.blur());
  }
  await cell(page, 'MENU-10', 0).focus();
  await type(page, '1:30', 'Tab');
  await type(page, '1.5', 'Tab');
  await type(page, '90m', 'Shift+Tab');
  assert.equal(await cell(page, 'MENU-10', 1).inputValue(), '1:30', 'each way to write it is one');
  assert.equal(await page.evaluate(() => document.activeElement.id.slice(-10)), '2025-03-04', 'the focus stays where it went');
  await page.keyboard.press('ArrowUp');
  await type(page, '2', 'Enter');
  assert.equal(await total(page), 90 + 90 + 90 + 120);
  await page.reload();
  assert.equal(await total(page), 390, 'all of it is kept');

  // What is no time is told where it was typed, and the rest is saved beside it.
  await cell(page, 'MENU-10', 3).focus();
  const refused = page.waitForResponse((answer) => answer.url().includes('/time/week'));
  await page.keyboard.type('soon');
  await page.keyboard.press('Tab');
  assert.equal((await refused).status(), 422);
  await page.locator('.notice.bad', { hasText: 'is not a time' }).waitFor();
  assert.equal(await cell(page, 'MENU-10', 3).inputValue(), 'soon');
  await type(page, '0:45', 'Tab');
  await cell(page, 'MENU-10', 3).focus();
  await page.keyboard.press('Control+a');
  await type(page, '0:15', 'Tab');
  assert.equal(await total(page), 390 + 45 + 15);
  assert.equal(await page.locator('[aria-invalid]').count(), 0);
  assert.deepEqual(page.complaints.filter((text) => !text.includes('422')), []);
  await look(page, 'time', pictures);
  await page.context().close();
});

await step('the week before is copied, and once is enough', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto(`/time?week=${FIRST}`);
  await Promise.all([page.waitForURL(`**/time?week=${SECOND}`), page.keyboard.press('Shift+J')]);
  await Promise.all([page.waitForURL(/usual=true/), page.click('text=Rows of the week before')]);
  assert.equal(await page.locator('.week tbody tr').count(), 2);
  await page.click('text=Copy its hours');
  await page.locator('.toast', { hasText: 'copied from the week before' }).waitFor();
  assert.equal(await total(page), 450);
  assert.equal(await page.locator('text=Copy its hours').count(), 0, 'nothing is left to copy');
  await page.context().close();
});

await step('the clock is started in a row, survives a reload, and says what it was for', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/time');
  await page.fill('#add', 'MENU-10');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await Promise.all([page.waitForNavigation(), page.locator('tr:has-text("MENU-10") button[name=start]').click()]);
  assert.match(await page.locator('.toast').innerText(), /The clock runs for MENU-10/);
  assert.match(await page.title(), /^0:0\d · /);
  await page.reload();
  assert.match(await page.locator('.sidebar .clock').innerText(), /MENU-10/);
  await page.goto('/tasks/MENU-9');
  await Promise.all([page.waitForNavigation(), page.click('text=Start the clock')]);
  assert.match(await page.locator('.toast').innerText(), /The clock runs for MENU-9; 0:01 on MENU-10/, 'the first one is stopped');
  await Promise.all([page.waitForNavigation(), page.locator('.sidebar .clock button').click()]);
  assert.match(await page.locator('.toast').innerText(), /0:01 on MENU-9/);
  await Promise.all([page.waitForURL(/\/time\/time_/), page.click('.toast a')]);
  assert.equal(await page.locator('h1').innerText(), 'Edit time');
  await page.context().close();
});

await step('a report for a client has a chart, and its tables and its print say what the page says', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/time/report?from=2025-03-01&to=2025-03-31&by=PROJECT&then=TASK');
  const client = await page.locator('select[name=client] option', { hasText: 'Halden' }).getAttribute('value');
  await page.goto(`/time/report?from=2020-01-01&to=2030-01-01&by=MONTH&then=PROJECT&client=${client}`);
  assert.ok(await page.locator('svg.chart rect').count() > 1);
  assert.match(await page.locator('svg.chart title').textContent(), /Hours by month/);
  const sum = minutesOf(await page.locator('dl.figures dd').first().innerText());
  assert.ok(sum > 0, 'the sample has time for its clients');
  assert.equal(minutesOf(await page.locator('tr.sums td').first().innerText()), sum);
  for (const [name, column] of [['Entries as CSV', 'Minutes'], ['Sums as CSV', 'Minutes']]) {
    await page.click('text=Take along');
    const [file] = await Promise.all([page.waitForEvent('download'), page.click(`text=${name}`)]);
    const lines = readFileSync(await file.path(), 'utf8').split('\r\n').filter(Boolean);
    const at = lines[0].split(',').indexOf(column);
    // A number stands before any text that could hold a comma of its own, or in plain columns.
    const fields = (line) => line.match(/("([^"]|"")*"|[^,]*)(,|$)/g).map((field) => field.replace(/,$/, ''));
    assert.equal(lines.slice(1).reduce((all, line) => all + Number(fields(line)[at]), 0), sum, name);
    await page.keyboard.press('Escape');
  }
  await look(page, 'report', pictures);
  const pdf = await page.pdf({ format: 'A4' });
  const told = `${Math.floor(sum / 60)}:${String(sum % 60).padStart(2, '0')}`;
  const folder = mkdtempSync(join(tmpdir(), 'sally-report-'));
  writeFileSync(join(folder, 'report.pdf'), pdf);
  let text = null;
  try { text = execFileSync('pdftotext', ['-layout', join(folder, 'report.pdf'), '-'], { encoding: 'utf8' }); } catch { /* not here: the page as it is printed */ }
  if (text === null) {
    await page.emulateMedia({ media: 'print' });
    text = await page.locator('main').innerText();
    assert.equal(await page.locator('.sidebar').isVisible(), false);
    await page.emulateMedia({ media: 'screen' });
  }
  assert.ok(text.includes(told), `the printed report says ${told}`);
  assert.match(text, /1 Jan 2020/);
  assert.doesNotMatch(text, /My work|Take along/);
  await page.context().close();
});

await step('on a phone one day is shown at a time', async () => {
  const page = await signIn(await open(base, { viewport: { width: 360, height: 740 } }), email, password);
  await page.goto(`/time?week=${FIRST}`);
  await page.click('.days a:nth-child(2)');
  await page.waitForURL(/day=2025-03-04/);
  assert.equal(await page.locator('.week tbody tr').first().locator('td:visible').count(), 1);
  await page.locator('.week tbody tr:has-text("MENU-9") td:visible input').fill('0:30');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('#announce').textContent === 'Saved');
  await check(page, 'a day on a phone', 'time-phone-day', pictures);
  await page.context().close();
});

await step('without JavaScript the whole grid is saved by a button', async () => {
  const page = await signIn(await open(base, { javaScriptEnabled: false }), email, password);
  await page.goto(`/time?week=${FIRST}`);
  const before = await total(page);
  await cell(page, 'MENU-10', 5).fill('0:20');
  await cell(page, 'MENU-9', 6).fill('never');
  await page.click('.saves button');
  assert.match(await page.locator('.notice.bad').innerText(), /“never” on 9 Mar 2025 is not a time/);
  assert.equal(await cell(page, 'MENU-9', 6).inputValue(), 'never');
  assert.equal(await total(page), before + 20, 'what could be saved is');
  await cell(page, 'MENU-9', 6).fill('');
  await page.click('.saves button');
  assert.equal(await page.locator('.notice.bad').count(), 0);
  await page.context().close();
});

await step('my work is added to, put off and done by keys, and taken back', async () => {
  const page = await signIn(await open(base), email, password);
  await page.keyboard.press('n');
  await page.keyboard.type('Water the plants tomorrow');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  assert.match(await page.locator('.toast').innerText(), /is added, due Tomorrow/);
  const line = page.locator('.todo-item', { hasText: 'Water the plants' });
  await line.locator('.title a').first().focus();
  await page.keyboard.press('d');
  await page.keyboard.press('Enter');
  await page.locator('.toast', { hasText: 'is due Today' }).waitFor();
  await line.locator('.title a').first().focus();
  await page.keyboard.press('x');
  await page.locator('.toast', { hasText: 'Done: Water the plants' }).waitFor();
  assert.equal(await line.count(), 0);
  await page.keyboard.press('z');
  await line.waitFor();
  await look(page, 'my-work', pictures);
  await line.locator('.check').click();
  await page.locator('.toast', { hasText: 'Done: Water the plants' }).waitFor();
  await page.context().close();
});

await step('the inbox is emptied from top to bottom, and taken back', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/inbox?unread=true');
  const before = await page.locator('.result.unread').count();
  assert.ok(before > 0, 'the sample has news');
  await page.keyboard.press('j');
  await page.keyboard.press('e');
  await page.waitForFunction((count) => document.querySelectorAll('.result.unread').length === count - 1, before);
  await page.keyboard.press('z');
  await page.waitForFunction((count) => document.querySelectorAll('.result.unread').length === count, before);
  await page.keyboard.press('Shift+E');
  await page.locator('text=Nothing unread').waitFor();
  await page.keyboard.press('z');
  await page.waitForFunction((count) => document.querySelectorAll('.result.unread').length === count, before);
  await look(page, 'inbox', pictures);
  await page.context().close();
});

await step('a search is narrowed by words, and widened by taking them away', async () => {
  const page = await signIn(await open(base), email, password);
  await page.goto('/search?q=wine+type%3Atask+project%3AMENU');
  assert.ok(await page.locator('.result mark').count() > 0);
  assert.deepEqual(await page.locator('.group-head h2').allInnerTexts(), ['Tasks']);
  await page.click('[aria-label="Without type:task"]');
  await page.waitForURL((url) => !url.search.includes('type%3Atask'));
  await page.goto('/search?q=is%3Aopen+assignee%3Ame');
  assert.ok(await page.locator('.result').count() > 0);
  await page.keyboard.press('j');
  await Promise.all([page.waitForURL('**/tasks/*'), page.keyboard.press('Enter')]);
  await page.context().close();
});

await done();
