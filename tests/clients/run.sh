#!/bin/sh
# Official MCP clients of other languages against a running server: run.sh URL KEY
# The key belongs to a member of one workspace with the CRM on. Needs node, npm, python3 and the package registries.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
export SALLY_MCP_URL="${1:?usage: run.sh URL KEY}" SALLY_MCP_KEY="${2:?usage: run.sh URL KEY}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/sally-clients"
mkdir -p "$cache"
cp "$here"/*.mjs "$here"/*.py "$here"/package.json "$here"/requirements.txt "$cache"
cd "$cache"

npm install --no-package-lock --no-audit --no-fund --silent
# The Inspector wants a newer Node than many machines have.
if ! node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 19) ? 0 : 1)'; then
  npm install --prefix node22 --no-audit --no-fund --silent node@22.23.3
  PATH="$cache/node22/node_modules/.bin:$PATH"
fi
[ -x python/bin/python ] || python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check -r requirements.txt

node sdk_v1.mjs
node sdk_v2.mjs
node inspector.mjs
python/bin/python sdk.py
echo "all clients are content"
