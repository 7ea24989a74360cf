// The Inspector's command line: one process for each call, and its lint of the schemas.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { headers, story, url } from "./story.mjs";

const run = promisify(execFile);
const inspector = new URL("./node_modules/.bin/mcp-inspector", `file://${process.cwd()}/`).pathname;

async function inspect(...args) {
  const base = ["--cli", url.href, "--transport", "http", "--header", `Authorization: ${headers.Authorization}`];
  // A tool that fails answers, too: the exit status says so, the output what.
  const { stdout } = await run(inspector, [...base, ...args], { maxBuffer: 1 << 26 }).catch((error) => {
    if (!error.stdout?.trim().startsWith("{")) throw error;
    return error;
  });
  return JSON.parse(stdout);
}

const pairs = (option, args) => Object.entries(args).flatMap(([key, value]) => [option, `${key}=${value}`]);

const strict = await inspect("--method", "tools/list", "--strict");
assert.ok(strict.tools.length > 0);
await story("inspector", {
  listTools: async () => strict.tools,
  callTool: (name, args) => inspect("--method", "tools/call", "--tool-name", name, ...pairs("--tool-arg", args)),
  readResource: (uri) => inspect("--method", "resources/read", "--uri", uri),
  getPrompt: (name, args) => inspect("--method", "prompts/get", "--prompt-name", name, ...pairs("--prompt-args", args)),
});
