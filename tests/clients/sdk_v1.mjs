// The TypeScript SDK, first line: the newest, and the last ones of the two revisions before.

import assert from "node:assert/strict";
import { clientInfo, headers, storyOf, url } from "./story.mjs";

const packages = {
  "2025-03-26": "sdk-2025-03-26",
  "2025-06-18": "sdk-2025-06-18",
  "2025-11-25": "@modelcontextprotocol/sdk",
};
for (const [revision, name] of Object.entries(packages)) {
  const { Client } = await import(`${name}/client/index.js`);
  const { StreamableHTTPClientTransport } = await import(`${name}/client/streamableHttp.js`);
  const client = new Client(clientInfo);
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers } });
  await client.connect(transport);
  // The oldest does not tell.
  assert.equal(transport.protocolVersion ?? revision, revision);
  await client.ping();
  await storyOf(`typescript-v1-${revision}`, client);
  await transport.terminateSession();
  await client.close();
}
