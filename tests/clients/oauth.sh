#!/bin/sh
# Clients that know nothing but the address, with somebody who says yes in a real browser: oauth.sh BASE E-MAIL PASSWORD
# Needs node, npm, chromium and the package registry.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/sally-oauth-clients"
mkdir -p "$cache"
cp "$here/oauth.mjs" "$cache"
cp "$here/oauth.package.json" "$cache/package.json"
cd "$cache"
npm install --no-package-lock --ignore-scripts --no-audit --no-fund --silent
exec node oauth.mjs "${1:?usage: oauth.sh BASE E-MAIL PASSWORD}" "${2:?}" "${3:?}"
