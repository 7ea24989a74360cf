// The story every client tells: a deal is opened, read, changed, found and put away; then a task, with the time it took.
// The task is read as a resource too, and a prompt leads to it. What is not there is refused.

import assert from "node:assert/strict";

export const url = new URL(process.env.SALLY_MCP_URL);
export const key = process.env.SALLY_MCP_KEY;
export const headers = { Authorization: `Bearer ${key}` };
export const clientInfo = { name: "sally-tests", version: "1.0.0" };

/** `listTools()` answers the tools; `callTool(name, arguments)`, `readResource(uri)` and `getPrompt(name, arguments)` the whole result. */
export async function story(who, { listTools, callTool, readResource, getPrompt }) {
  const data = async (name, args) => {
    const result = await callTool(name, args);
    assert.ok(!result.isError, `${name}: ${JSON.stringify(result)}`);
    assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent, "text and data are the same");
    return result.structuredContent;
  };
  const names = (await listTools()).map((tool) => tool.name);
  for (const name of ["crm.deal.create", "crm.deal.list", "task.create", "task.move", "timesheet.add"]) {
    assert.ok(names.includes(name), `${name} is listed`);
  }
  const title = `Pitch of ${who} ${Date.now()}`;
  await ofADeal(title, data);
  await ofATask(title, data, async (task) => {
    const [{ slug }] = (await data("workspace.list", {})).items;
    const { contents } = await readResource(`sally://workspaces/${slug}/tasks/${task}`);
    assert.equal(contents[0].mimeType, "text/markdown");
    assert.ok(contents[0].text.includes(title), contents[0].text);
    const { messages } = await getPrompt("task-summary", { task, workspace: slug });
    assert.ok(messages.some(({ content }) => content.text.includes(task)), JSON.stringify(messages));
  });
  const failed = await callTool("crm.deal.get", { dealId: "deal_0000000000000" });
  assert.deepEqual([failed.isError, failed.structuredContent.status], [true, 404]);
  console.log(`ok ${who}`);
}

/** The story as one of the official clients tells it. */
export const storyOf = (who, client) =>
  story(who, {
    listTools: async () => (await client.listTools()).tools,
    callTool: (name, args) => client.callTool({ name, arguments: args }),
    readResource: (uri) => client.readResource({ uri }),
    getPrompt: (name, args) => client.getPrompt({ name, arguments: args }),
  });

async function ofADeal(title, data) {
  const deal = await data("crm.deal.create", { title, value: 1200.5, currency: "EUR" });
  assert.equal(deal.value, 1200.5);
  assert.equal((await data("crm.deal.get", { dealId: deal.id })).title, title);
  const moved = await data("crm.deal.update", { dealId: title, stage: "proposal", ifVersion: 1 });
  assert.deepEqual([moved.stage, moved.version], ["Proposal", 2]);
  const found = await data("crm.deal.list", { search: title });
  assert.deepEqual(found.items.map((item) => item.id), [deal.id]);
  assert.equal(found.items[0].createdAt, undefined, "a list is brief");
  assert.ok((await data("crm.deal.update", { dealId: deal.id, archived: true })).archivedAt);
  assert.deepEqual((await data("crm.deal.list", { search: title })).items, []);
}

async function ofATask(title, data, look) {
  const project = await data("project.create", { name: title });
  const task = await data("task.create", { projectId: project.key, title, ownerId: "me", dueDate: "friday" });
  assert.equal(task.key, `${project.key}-1`);
  assert.equal((await data("task.get", { taskId: task.key })).title, title);
  assert.equal((await data("task.update", { taskId: task.key, priority: "high" })).priority, "P1");
  assert.equal((await data("task.move", { taskId: task.id, targetStatus: "Review" })).status, "Review");
  const found = await data("task.list", { projectId: project.id, assignee: "me" });
  assert.deepEqual(found.items.map((item) => item.key), [task.key]);
  await look(task.key);
  const entry = await data("timesheet.add", { projectId: project.key, taskId: task.key, minutes: 90 });
  const spent = await data("timesheet.list", { projectId: project.key, detail: "full" });
  assert.deepEqual(spent.items.map((item) => [item.id, item.minutes]), [[entry.id, 90]]);
  assert.ok((await data("task.archive", { taskId: task.key })).archivedAt);
  assert.deepEqual((await data("task.list", { projectId: project.id })).items, []);
  assert.ok((await data("project.archive", { projectId: project.key })).archivedAt);
}
