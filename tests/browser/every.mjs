// Every page in a real browser: on a phone, a tablet and a desktop unless DEVICES names some of them, light or dark as SCHEME says.
// Fails on a sideways scroll bar, a complaint in the console, an answer that is no page, or an accessibility finding.
import assert from 'node:assert/strict';
import { check, done, open, signIn, step } from './story.mjs';

const [base, email, password, pictures] = process.argv.slice(2);
const colorScheme = process.env.SCHEME ?? 'light';
const sizes = { phone: [360, 740], tablet: [768, 1024], desktop: [1440, 900] };
const devices = (process.env.DEVICES ?? 'phone tablet desktop').split(' ');

const signedIn = async (options) => signIn(await open(base, options), email, password);

async function first(page, path, selector) {
  await page.goto(path);
  return page.locator(selector).first().getAttribute('href');
}

const finder = await signedIn();
const find = (path, selector = 'table tbody a') => first(finder, path, selector);
const deal = await find('/crm/deals', '#board [data-card] h3 a');
const organization = await find('/crm/organizations');
const person = await find('/crm/people');
const project = await find('/projects');
const task = await find(project, '#board [data-card] h3 a');
const client = await find('/clients');
const entry = await find('/time/report', 'table td a[href^="/time/"]');
const agent = await find('/settings/agents');
const account = await find('/admin/accounts');
const followUp = await find('/crm/follow-ups', '.todo-item .title a');
await finder.goto('/imports?records=PEOPLE');
await finder.setInputFiles('#file', { name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from('Name,Mail,Shoes\nPaula Example,paula@nowhere.example,38\nUwe,uwe(at)nowhere,\n') });
await finder.click('form.import button.primary');
const columns = new URL(finder.url()).pathname;
await finder.click('button[form=goes]');
await finder.locator('h2', { hasText: 'Checked' }).waitFor();
await finder.context().close();

const inside = [
  '/', '/inbox', '/inbox?unread=true', '/search?q=website', '/search?q=zzzzzz', '/no-such-page', '/api/docs',
  '/projects', '/projects?q=zzzzzz', '/projects/new', project, `${project}?group=owner`, `${project}?view=list`, `${project}?view=list&group=priority`,
  `${project}?view=list&q=zzzzzz`, `${project}/activity`, `${project}/settings`, `${project}/archive`, `${project}/delete`,
  task, `${task}/edit`, `${task}/archive`, `${task}/delete`, '/tasks/new',
  '/clients', '/clients/new', client, `${client}/edit`, `${client}/delete`,
  '/time', '/time?week=2020-01-01', '/time/report', '/time/report?by=DAY', '/time/report?from=2020-01-01&to=2020-01-02', entry,
  '/crm/deals', '/crm/deals?view=table', '/crm/deals?view=table&q=zzzzzz', '/crm/deals/new', deal, `${deal}/edit`, `${deal}/lost`, `${deal}/archive`,
  '/crm/organizations', '/crm/organizations/new', organization, `${organization}/edit`, '/crm/people', '/crm/people/new', person, `${person}/edit`,
  '/crm/activities', '/crm/activities/new', '/crm/follow-ups', '/crm/follow-ups/new', followUp,
  '/imports', '/imports?records=TASKS', columns, columns.replace('/columns', ''), columns.replace('/columns', '?show=MADE'),
  '/settings', '/settings/members', '/settings/notifications', '/settings/sessions', '/settings/security', '/settings/security/setup',
  '/settings/connections', '/settings/keys', '/settings/agents', agent, '/settings/audit',
  '/admin', '/admin/accounts', account, '/admin/workspaces', '/admin/audit', '/welcome', '/welcome/assistant', '/welcome/first',
];
const outside = ['/login', '/forgot-password', '/reset-password?token=x', '/accept-invite?token=x', '/confirm-email?token=x'];

async function lookAt(page, paths, device) {
  for (const path of paths) {
    page.complaints.length = 0;
    const answer = await page.goto(path);
    const wanted = { '/no-such-page': 404, '/accept-invite?token=x': 422 }[path] ?? 200;
    assert.equal(answer.status(), wanted, path);
    assert.equal(await page.locator('h1').count(), 1, `${path} has one h1`);
    assert.deepEqual(page.complaints.filter((text) => wanted === 200 || !text.includes(wanted)), [], path);
    await check(page, path, `${paths.indexOf(path) + 100}${path.replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 40)}-${colorScheme}-${device}`, pictures);
  }
  await page.context().close();
}

for (const device of devices) {
  const [width, height] = sizes[device];
  const options = { colorScheme, viewport: { width, height } };
  await step(`every page, ${colorScheme}, ${device}`, async () => lookAt(await signedIn(options), inside, device));
  await step(`every page of who is not signed in, ${colorScheme}, ${device}`, async () => lookAt(await open(base, options), outside, device));
}

await done();
