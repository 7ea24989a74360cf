// An MCP server as the documentation of the official TypeScript SDK shows it, over SQLite: no keys, no rights, one commit for
// each task that is made. node server.mjs PORT FILE
import { randomUUID } from "node:crypto";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import Database from "better-sqlite3";
import express from "express";
import { z } from "zod";

const [port, file] = process.argv.slice(2);
const database = new Database(file);
database.pragma("journal_mode = wal");
database.pragma("synchronous = full");
const find = database.prepare("select * from task where id = ?");
const add = database.prepare("insert into task (project, title) values (?, ?) returning *");

const answered = (task) => ({ content: [{ type: "text", text: JSON.stringify(task) }], structuredContent: task });

const newServer = () => {
  const server = new McpServer({ name: "tasks", version: "1" });
  server.registerTool("task_get", { description: "A task.", inputSchema: { id: z.number().int() } }, ({ id }) => answered(find.get(id)));
  server.registerTool(
    "task_create",
    { description: "A new task.", inputSchema: { project: z.number().int(), title: z.string().max(300) } },
    ({ project, title }) => answered(add.get(project, title)),
  );
  return server;
};

const sessions = new Map();
const app = express();
app.use(express.json());
app.get("/health", (_, response) => response.send("ok"));
app.post("/mcp", async (request, response) => {
  let transport = sessions.get(request.headers["mcp-session-id"]);
  if (!transport) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: true,
      onsessioninitialized: (id) => sessions.set(id, transport),
    });
    await newServer().connect(transport);
  }
  await transport.handleRequest(request, response, request.body);
});
app.listen(Number(port), "127.0.0.1");
