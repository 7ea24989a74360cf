// The TypeScript SDK, second line: as it comes, asking for the newest revision first, and knowing no other.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { clientInfo, headers, storyOf, url } from "./story.mjs";

const negotiations = { "as-it-comes": undefined, auto: { mode: "auto" }, "2026-07-28": { mode: { pin: "2026-07-28" } } };
for (const [how, versionNegotiation] of Object.entries(negotiations)) {
  const client = new Client(clientInfo, { versionNegotiation });
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers } });
  await client.connect(transport);
  await storyOf(`typescript-v2-${how}`, client);
  await client.close();
}
