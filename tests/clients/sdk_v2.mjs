// The TypeScript SDK, second line: as it comes, and asking for the newest revision first.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { headers, story, url } from "./story.mjs";

for (const [who, options] of [["typescript-v2", {}], ["typescript-v2-auto", { versionNegotiation: { mode: "auto" } }]]) {
  const client = new Client({ name: "sally-tests", version: "1.0.0" }, options);
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers } });
  await client.connect(transport);
  await story(who, {
    listTools: async () => (await client.listTools()).tools,
    callTool: (name, args) => client.callTool({ name, arguments: args }),
  });
  await client.close();
}
