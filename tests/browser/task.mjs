// Writing at a task: previews, people, pictures, tasks found by their titles, edits in place; and a connection that is lost.
import assert from 'node:assert/strict';
import { agent, done, look, open, signIn, step } from './story.mjs';

const [base, email, password, pictures] = process.argv.slice(2);
const page = await signIn(await open(base), email, password);
await page.goto('/settings/keys');
await page.fill('#label', 'Task story');
await page.click('form[action="/settings/keys"] button.primary');
const call = await agent(base, (await page.locator('#new-token').innerText()).trim());
await page.goto('/tasks/MENU-10');
const body = page.locator('.composer:not([data-inplace]) [name=body]');
const editor = page.locator('.composer:not([data-inplace]) .editor');

await step('a text is seen as it will look, and goes on being written', async () => {
  await body.fill('Very **strong** paper');
  await editor.getByRole('button', { name: 'Preview' }).click();
  await editor.locator('.preview strong', { hasText: 'strong' }).waitFor();
  assert.equal(await body.isVisible(), false);
  await call('task.todo.create', { taskId: 'MENU-10', text: 'Weigh the paper' });
  await page.locator('.checklist', { hasText: 'Weigh the paper' }).waitFor();
  assert.ok(await editor.locator('.preview strong').isVisible(), 'what is new elsewhere leaves it alone');
  await look(page, 'task-preview', pictures);
  await page.setViewportSize({ width: 1280, height: 800 });
  await editor.getByRole('button', { name: 'Write' }).click();
  assert.equal(await body.inputValue(), 'Very **strong** paper');
});

await step('an @ offers whom it may concern', async () => {
  await body.fill('');
  await body.pressSequentially('Ask @jon');
  await page.locator('#suggestions [role=option]', { hasText: 'Jonas Ekdahl' }).waitFor();
  assert.equal(await body.getAttribute('aria-activedescendant'), 'suggestion-0');
  await page.keyboard.press('Enter');
  assert.equal(await body.inputValue(), 'Ask @Jonas Ekdahl ');
  assert.equal(await page.locator('#suggestions').isVisible(), false);
});

await step('a picture is pasted into the text', async () => {
  await body.evaluate((text) => {
    const bytes = Uint8Array.from(atob('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'), (letter) => letter.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], 'dot.gif', { type: 'image/gif' }));
    text.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  });
  await page.waitForFunction(() => document.querySelector('.composer:not([data-inplace]) [name=body]').value.includes('/files/img_'));
});

await step('a task to wait for is found by its title', async () => {
  await page.locator('#dependsOnId').pressSequentially('wine');
  await page.locator('#suggestions [role=option]').first().waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#dependsOnId').fill('');
});

await step('the title and the description are edited where they stand', async () => {
  await page.locator('[data-edits="#edit-title"]').click();
  await page.keyboard.type(', in two colours');
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: 'in two colours' }).waitFor();
  assert.ok(await page.locator('[data-edits="#edit-title"]:focus').count(), 'the focus is where it was opened');
  await page.locator('[data-edits="#edit-text"]').click();
  await page.locator('#edit-text textarea').fill('On *thick* paper.');
  await page.keyboard.press('Control+Enter');
  await page.locator('.described em', { hasText: 'thick' }).waitFor();
  assert.ok(await page.locator('[data-edits="#edit-text"]:focus').count());
  assert.equal(await page.locator('#edit-text').isVisible(), false);
  assert.match(await body.inputValue(), /Jonas Ekdahl/, 'the comment that is being written stays');
});

await step('a lost connection loses no word, and trying again sends it once', async () => {
  await body.fill('Said with a bad connection.');
  await page.context().setOffline(true);
  await page.getByRole('button', { name: 'Comment', exact: true }).click();
  await page.locator('.toast.bad', { hasText: 'could not be reached' }).waitFor();
  assert.equal(await body.inputValue(), 'Said with a bad connection.');
  await page.context().setOffline(false);
  await page.reload();
  assert.equal(await body.inputValue(), 'Said with a bad connection.', 'it outlives the page');
  await page.getByRole('button', { name: 'Comment', exact: true }).click();
  await page.locator('.comment', { hasText: 'Said with a bad connection.' }).waitFor();
  await page.reload();
  assert.equal(await body.inputValue(), '');
  assert.equal(await page.locator('.comment', { hasText: 'Said with a bad connection.' }).count(), 1);
});

await step('one’s own comment is edited in place', async () => {
  const comment = page.locator('.comment', { hasText: 'Said with a bad connection.' });
  await comment.getByRole('link', { name: 'Edit this comment' }).click();
  await comment.locator('textarea').fill('Said with a good connection.');
  await comment.getByRole('button', { name: 'Save comment' }).click();
  await page.locator('.comment', { hasText: 'Said with a good connection.' }).waitFor();
  await look(page, 'task', pictures);
});

await step('who signs out leaves no words in this browser, in no window', async () => {
  await body.fill('Nobody else’s business');
  const other = await page.context().newPage();
  await other.goto('/tasks/MENU-9');
  await other.fill('.composer:not([data-inplace]) [name=body]', 'Nor this');
  const kept = (window) => window.evaluate(() => [...Object.keys(sessionStorage), ...Object.keys(localStorage)].filter((key) => /^sally-(draft|recent)/.test(key)).length);
  assert.ok(await kept(page) > 0 && await kept(other) > 0);
  await Promise.all([page.waitForURL('**/login*'), page.locator('form[action="/logout"]').first().evaluate((form) => form.requestSubmit())]);
  assert.equal(await kept(page), 0);
  await other.waitForFunction(() => !Object.keys(sessionStorage).some((key) => key.startsWith('sally-draft')));
});

await done();
