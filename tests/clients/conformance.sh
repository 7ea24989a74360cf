#!/bin/sh
# The official conformance scenarios of the newest revision with sessions and of the one without: conformance.sh EXECUTABLE
# The executable is examples/conformance: Sally, and besides what the scenarios ask every server for.
set -eu

serves="${1:?usage: conformance.sh EXECUTABLE}"
. "$(dirname "$0")/prepare.sh"

mkfifo told.$$
"$serves" >told.$$ &
server=$!
trap 'kill -INT $server 2>/dev/null; rm -f told.$$' EXIT
read -r base SALLY_MCP_KEY <told.$$
export SALLY_MCP_KEY

for revision in 2025-11-25 2026-07-28; do
  # The runner cannot send a key.
  node with_key.mjs "$base" -- node node_modules/@modelcontextprotocol/conformance/dist/index.js \
    server --url '{base}/mcp' --requirements $revision -o "results/$revision" >"$revision.log" 2>&1 ||
    { cat "$revision.log"; exit 1; }
  echo "conforms to $revision. $(grep '^Not scored' "$revision.log")"
done
