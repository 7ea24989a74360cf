// For programs that cannot send a key: passes everything on to a server as it is, with the key in its header.
//
//   SALLY_MCP_KEY=… node with_key.mjs http://127.0.0.1:PORT -- COMMAND …
//
// The command's {base} is where this listens; its exit status is the one of the command.

import { spawn } from "node:child_process";
import http from "node:http";

const [target, , command, ...args] = process.argv.slice(2);
const { hostname, port } = new URL(target);

const proxy = http.createServer((request, response) => {
  // Pairs, not an object: a header that is sent twice stays so. Host and Origin are the client's own.
  const headers = [...request.rawHeaders, "Authorization", `Bearer ${process.env.SALLY_MCP_KEY}`];
  const onward = http.request({ hostname, port, method: request.method, path: request.url, headers, setHost: false });
  onward.on("response", (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    response.flushHeaders();
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  request.pipe(onward);
});

proxy.listen(0, "127.0.0.1", () => {
  const base = `http://127.0.0.1:${proxy.address().port}`;
  const child = spawn(command, args.map((arg) => arg.replace("{base}", base)), { stdio: "inherit" });
  child.on("exit", (code) => process.exit(code ?? 1));
});
