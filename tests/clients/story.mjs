// The story every client tells: a deal is opened, read, changed, found and put away.

import assert from "node:assert/strict";

export const url = new URL(process.env.SALLY_MCP_URL);
export const headers = { Authorization: `Bearer ${process.env.SALLY_MCP_KEY}` };

/** `listTools()` answers the tools; `callTool(name, arguments)` the whole result. */
export async function story(who, { listTools, callTool }) {
  const data = async (name, args) => {
    const result = await callTool(name, args);
    assert.ok(!result.isError, `${name}: ${JSON.stringify(result)}`);
    assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent, "text and data are the same");
    return result.structuredContent;
  };
  const names = (await listTools()).map((tool) => tool.name);
  for (const name of ["create", "get", "update", "list"]) {
    assert.ok(names.includes(`crm.deal.${name}`), `crm.deal.${name} is listed`);
  }
  const title = `Pitch of ${who} ${Date.now()}`;
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
  const failed = await callTool("crm.deal.get", { dealId: "deal_0000000000000" });
  assert.deepEqual([failed.isError, failed.structuredContent.status], [true, 404]);
  console.log(`ok ${who}`);
}
