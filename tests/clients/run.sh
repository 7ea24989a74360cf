#!/bin/sh
# Official MCP clients of other languages against a running server: run.sh URL KEY
# The key belongs to a member of one workspace with the CRM on. Needs node, npm, python3 and the package registries.
set -eu

export SALLY_MCP_URL="${1:?usage: run.sh URL KEY}" SALLY_MCP_KEY="${2:?usage: run.sh URL KEY}"
. "$(dirname "$0")/prepare.sh"

node sdk_v1.mjs
node sdk_v2.mjs
node inspector.mjs
python/bin/python sdk.py
echo "all clients are content"
