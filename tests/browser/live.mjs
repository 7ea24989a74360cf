// A window is open on a project's board while an agent works in it: what it does appears by itself, and nothing else does.
import assert from 'node:assert/strict';
import { agent, done, open, signIn, step } from './story.mjs';

const [base, email, password] = process.argv.slice(2);
const SOON = { timeout: 3000 };

const page = await signIn(await open(base), email, password);

/** A key that was made in the settings: its token. */
async function key(fill) {
  await page.goto('/settings/keys');
  await page.fill('#label', 'Live story');
  await fill?.();
  await page.click('form[action="/settings/keys"] button.primary');
  return (await page.locator('#new-token').innerText()).trim();
}

let call;
await step('an agent gets a key, and the page of the key sees its first call', async () => {
  const token = await key(() => page.selectOption('#agentId', { index: 1 }));
  await page.locator('#connection[data-waiting]').waitFor();
  call = await agent(base, token);
  await call('project.list', {});
  await page.locator('#connection.good').waitFor(SOON);
});

let task;
await step('what the agent makes, moves and says appears within three seconds, without a reload', async () => {
  await page.goto('/projects/MENU');
  await page.evaluate(() => { window.isTheSame = true; });
  task = await call('task.create', { projectId: 'MENU', title: 'Ask the printer for a proof' });
  const card = page.locator(`[data-card]:has-text("Ask the printer for a proof")`);
  await card.waitFor(SOON);
  assert.equal(await card.getAttribute('data-news'), 'AGENT', 'it is marked as an agent’s');
  await call('task.move', { taskId: task.key, targetStatus: 'In Progress' });
  await page.locator('.column:has([data-column-name]:text-is("In Progress")) [data-card]', { hasText: 'Ask the printer' }).waitFor(SOON);
  assert.ok(await page.evaluate(() => window.isTheSame), 'the page was never loaded anew');
});

await step('what somebody is writing stays, and the history names the agent', async () => {
  await page.goto(`/tasks/${task.key}`);
  await page.fill('#body', 'Half a sent');
  await page.locator('#body').focus();
  await call('comment.add', { taskId: task.key, body: 'The proof comes on Friday.' });
  await page.locator('.comment', { hasText: 'The proof comes on Friday.' }).waitFor(SOON);
  await page.keyboard.type('ence');
  assert.equal(await page.inputValue('#body'), 'Half a sentence');
  assert.match(await page.locator('section[aria-labelledby=history]').innerText(), /Agent/);
});

await step('whoever is busy is not asked ever more often, and then has it all', async () => {
  await page.goto('/projects/MENU');
  await page.evaluate(() => {
    document.querySelector('#board').dataset.sending = '';
    window.waits = 0;
    const later = window.setTimeout;
    window.setTimeout = (work, time) => { if (time === 400) window.waits += 1; return later(work, time); };
  });
  await call('task.create', { projectId: 'MENU', title: 'While somebody is busy' });
  await page.waitForFunction(() => window.waits > 0);
  await call('task.create', { projectId: 'MENU', title: 'And once more' });
  await page.waitForTimeout(4000);
  assert.ok(await page.evaluate(() => window.waits) <= 13, 'one timer, however long it takes');
  await page.evaluate(() => delete document.querySelector('#board').dataset.sending);
  for (const title of ['While somebody is busy', 'And once more']) await page.locator('[data-card]', { hasText: title }).waitFor(SOON);
});

await step('a card in somebody’s hand stays there, and what came meanwhile comes then', async () => {
  const card = page.locator('[data-card]', { hasText: 'And once more' });
  const box = await card.boundingBox();
  await page.mouse.move(box.x + 40, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + 60, box.y + 30, { steps: 5 });
  await page.locator('[data-dragged]').waitFor();
  await call('task.create', { projectId: 'MENU', title: 'Made during a drag' });
  await page.waitForTimeout(1500);
  assert.equal(await page.locator('[data-card]', { hasText: 'Made during a drag' }).count(), 0);
  await page.mouse.move(2, 2);
  await page.mouse.up();
  await page.locator('[data-card]', { hasText: 'Made during a drag' }).waitFor(SOON);
});

await step('another workspace and a page without changes stay silent', async () => {
  let asked = 0;
  const count = (request) => { if (new URL(request.url()).pathname === '/crm/people') asked += 1; };
  await page.goto('/crm/people');
  await page.waitForTimeout(1500);
  page.on('request', count);
  await call('comment.add', { taskId: task.key, body: 'Nothing for a list of people.' });
  await page.waitForTimeout(2000);
  assert.equal(asked, 0);
  page.off('request', count);
});

await step('a hidden window rests, and catches up when it is seen again', async () => {
  await page.goto('/projects/MENU');
  await page.evaluate(() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); });
  await call('task.create', { projectId: 'MENU', title: 'Seen later' });
  await page.waitForTimeout(1500);
  assert.equal(await page.locator('[data-card]:has-text("Seen later")').count(), 0);
  await page.evaluate(() => { Object.defineProperty(document, 'hidden', { value: false, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); });
  await page.locator('[data-card]:has-text("Seen later")').waitFor(SOON);
  assert.deepEqual(page.complaints, []);
});

await done();
