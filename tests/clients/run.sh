#!/bin/sh
# Official MCP clients of other languages against a running server: run.sh URL KEY EXECUTABLE
# The key belongs to an owner of one workspace with the CRM on; the executable is Sally's, for its stdio bridge.
# Needs node, npm, python3 and the package registries.
set -eu

export SALLY_MCP_URL="${1:?usage: run.sh URL KEY EXECUTABLE}" SALLY_MCP_KEY="${2:?usage: run.sh URL KEY EXECUTABLE}"
export SALLY="${3:?usage: run.sh URL KEY EXECUTABLE}"
. "$(dirname "$0")/prepare.sh"

node sdk_v1.mjs
node sdk_v2.mjs
node stdio.mjs
node inspector.mjs
python/bin/python sdk.py
echo "all clients are content"
