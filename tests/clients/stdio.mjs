// Clients that start a process: `sally mcp` and mcp-remote, which carry the messages of both TypeScript SDKs.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioClientTransportV2 } from "@modelcontextprotocol/client/stdio";
import { clientInfo, headers, key, storyOf, url } from "./story.mjs";

const sally = { command: process.env.SALLY, args: ["mcp"], env: { SALLY_URL: url.origin, SALLY_USER_API_KEY: key } };
const remote = {
  command: "node",
  args: ["node_modules/mcp-remote/dist/proxy.js", url.href, "--header", `Authorization:${headers.Authorization}`, "--allow-http"],
  env: { ...process.env },
  stderr: "ignore",
};

const clients = {
  "sally-mcp-v1": [new Client(clientInfo), new StdioClientTransport(sally)],
  "sally-mcp-v2": [new ClientV2(clientInfo), new StdioClientTransportV2(sally)],
  "sally-mcp-2026-07-28": [
    new ClientV2(clientInfo, { versionNegotiation: { mode: { pin: "2026-07-28" } } }),
    new StdioClientTransportV2(sally),
  ],
  "mcp-remote": [new Client(clientInfo), new StdioClientTransport(remote)],
};
for (const [who, [client, transport]] of Object.entries(clients)) {
  await client.connect(transport);
  await storyOf(who, client);
  await client.close();
}
