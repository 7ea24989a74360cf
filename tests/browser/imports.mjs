// A table comes in: its columns are given their fields, what would happen is looked at, it happens while one looks on or away;
// with scripts and without.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { done, look, open, signIn, step } from './story.mjs';

const [base, email, password, pictures] = process.argv.slice(2);
const page = await signIn(await open(base), email, password);
const csv = (text) => ({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
const figures = async (window) => (await window.locator('dl.figures dd').allInnerTexts()).map(Number);
const finished = (window, what) => window.locator('#stands', { hasText: what }).waitFor({ timeout: 120_000 });

async function send(window, records, file) {
  await window.goto(`/imports?records=${records}`);
  await window.setInputFiles('#file', file);
  await Promise.all([window.waitForURL('**/columns'), window.click('form.import button.primary')]);
}

const PEOPLE = 'Vorname;Nachname;E-Mail;Firma;Schuhgröße\nPaula;Beispiel;paula@beispiel.example;;38\nUwe;;uwe(at)nirgends;;44\nIda;Ohne;ida@beispiel.example;Nirgends GmbH;\nPaula;Zweimal;Paula@Beispiel.example;;\n';

await step('from a list to the page of imports, which asks for a project where tasks come in', async () => {
  await page.goto('/crm/people');
  await Promise.all([page.waitForURL('**/imports?records=PEOPLE'), page.click('tfoot a[href^="/imports"]')]);
  assert.ok(await page.locator('input[value=PEOPLE]').isChecked());
  assert.equal(await page.locator('#projectId').isVisible(), false);
  await page.locator('label', { hasText: 'Tasks' }).click();
  assert.ok(await page.locator('#projectId').isVisible());
  await page.keyboard.press('Control+k');
  await page.fill('#palette input', 'import a');
  await page.locator('#palette [role=option]', { hasText: 'Import a table' }).waitFor();
  await page.keyboard.press('Escape');
});

await step('what is no table comes back with the reason, a large one too', async () => {
  const tables = [['', 'the table is empty'], ['name\nA,"x\n', 'never closed'], [Buffer.from([0x6e, 0x0a, 0xfc, 0x0a]), 'not UTF-8']];
  for (const [table, why] of [...tables, ...[26, 100].map((size) => [Buffer.alloc(size << 20, 'a'), 'larger than 25 MiB'])]) {
    writeFileSync('table.csv', table);
    await page.goto('/imports?records=PEOPLE');
    await page.setInputFiles('#file', 'table.csv');
    await page.click('form.import button.primary');
    await page.locator('#file-error', { hasText: why }).waitFor();
  }
  await look(page, 'import-start', pictures);
});

await step('columns are guessed, and two do not go to one place', async () => {
  await send(page, 'PEOPLE', csv(PEOPLE));
  const goes = await page.locator('.mapping select').evaluateAll((selects) => selects.map((select) => select.value));
  assert.deepEqual(goes, ['(first name)', '(last name)', 'email', 'organizationId', '']);
  await page.selectOption('[id="column.4"]', 'email');
  await page.click('button[form=goes]');
  await page.locator('[id="column.4-error"]').waitFor();
  await look(page, 'import-columns', pictures);
  await page.selectOption('[id="column.4"]', 'notes');
});

await step('what would become of each line is told, and nothing is written', async () => {
  await page.click('button[form=goes]');
  await finished(page, 'Checked');
  assert.deepEqual(await figures(page), [1, 0, 1, 2]);
  await look(page, 'import-checked', pictures);
  const other = await signIn(await open(base), email, password);
  await other.goto('/crm/people?q=Beispiel');
  assert.equal(await other.locator('tbody tr').count(), 0);
  await other.context().close();
});

await step('it happens, with links to what it made; what failed is taken along, mended and sent again', async () => {
  await page.getByRole('button', { name: 'Import 1 person' }).click();
  await finished(page, 'Imported');
  assert.deepEqual(await figures(page), [1, 0, 1, 2]);
  await look(page, 'import-imported', pictures);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Lines that failed' }).click()]);
  assert.equal(download.suggestedFilename(), 'people-failed.csv');
  const mended = readFileSync(await download.path(), 'utf8').replaceAll('(at)nirgends', '@nirgends.example').replaceAll('Nirgends GmbH', '');
  await page.getByRole('link', { name: 'New' }).click();
  await page.locator('td, th').getByRole('link', { name: 'Paula Beispiel' }).click();
  await page.locator('h1', { hasText: 'Paula Beispiel' }).waitFor();
  await send(page, 'PEOPLE', csv(mended));
  await page.click('button[form=goes]');
  await finished(page, 'Checked');
  await page.getByRole('button', { name: 'Import 2 people' }).click();
  await finished(page, 'Imported');
  assert.deepEqual(await figures(page), [2, 0, 0, 0]);
});

await step('a column for what every record has is asked for, and where nothing would change, what to do is told', async () => {
  await send(page, 'PEOPLE', csv('E-Mail,City\na@beispiel.example,Kiel\n'));
  await page.click('button[form=goes]');
  await page.locator('[id="column.0-error"]', { hasText: 'No column goes to Name' }).waitFor();
  await look(page, 'import-missing', pictures);
  await send(page, 'PEOPLE', csv('Name,E-Mail\nPaula Beispiel,paula@beispiel.example\n'));
  await page.click('button[form=goes]');
  await finished(page, 'Checked');
  await page.getByText('No line would make or change anything').waitFor();
  await look(page, 'import-nothing', pictures);
});

const COUNT = 6_000;
const many = (mark) => csv(`Name,E-Mail\n${Array.from({ length: COUNT }, (_, n) => `${mark} ${n},${mark}${n}@viele.example`).join('\n')}\n`);

await step('the page moves by itself, is left and come back to, stops and goes on', async () => {
  await send(page, 'PEOPLE', many('viele'));
  await page.click('button[form=goes]');
  await finished(page, 'Checked');
  await page.getByRole('button', { name: `Import ${COUNT} people` }).click();
  await finished(page, 'Importing');
  const before = (await figures(page))[0];
  await page.waitForFunction((seen) => Number(document.querySelector('dl.figures dd').innerText) > seen, before);
  await look(page, 'import-running', pictures);
  const here = page.url();
  await page.goto('/');
  await page.goto('/imports');
  await page.locator(`a[href="${new URL(here).pathname}"]`).click();
  if (await page.getByRole('button', { name: 'Stop' }).isVisible()) {
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('#stands', { hasText: /Stopped|Imported/ }).waitFor();
    if (await page.getByRole('button', { name: 'Go on' }).isVisible()) {
      await look(page, 'import-stopped', pictures);
      await page.getByRole('button', { name: 'Go on' }).click();
    }
  }
  await finished(page, 'Imported');
  assert.deepEqual(await figures(page), [COUNT, 0, 0, 0]);
  assert.deepEqual(page.complaints.filter((text) => !text.includes('422')), []);
});

await step('the same without scripts: forms, links and looking again', async () => {
  const plain = await signIn(await open(base, { javaScriptEnabled: false, viewport: { width: 360, height: 740 } }), email, password);
  await send(plain, 'PEOPLE', many('still'));
  await plain.click('button[form=goes]');
  const again = async (what) => {
    while (!(await plain.locator('#stands', { hasText: what }).count())) await plain.getByRole('link', { name: 'Look again' }).click();
  };
  await again('Checked');
  await plain.getByRole('button', { name: `Import ${COUNT} people` }).click();
  await again('Imported');
  assert.deepEqual(await figures(plain), [COUNT, 0, 0, 0]);
  await plain.getByRole('link', { name: 'Next' }).click();
  await plain.locator('td.num', { hasText: '102' }).first().waitFor();
  await plain.context().close();
});

await step('a table is discarded, and whoever sent it alone saw it', async () => {
  await send(page, 'ORGANIZATIONS', csv('Name\nNirgends\n'));
  const path = new URL(page.url()).pathname;
  await page.click('form[action$="/discard"] button');
  await page.locator('.toast', { hasText: 'discarded' }).waitFor();
  const answer = await page.goto(path);
  assert.equal(answer.status(), 404);
});

await done();
