#!/usr/bin/env bash
# Single sign-on in headless Chromium: a real provider and a server that asks it, both on this machine.
#   tests/browser/sso.sh TARGET/debug/sally [FOLDER FOR PICTURES]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sally=$(realpath "$1")
pictures=${2:+$(realpath -m "$2")}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_it_answers() { for _ in $(seq 200); do curl -sf "$1" >/dev/null && return; sleep 0.1; done; cat "$work"/*.log; return 1; }
port=$(free_port)
base="http://127.0.0.1:$port"

. "$here/prepare.sh"
provider_port=$(free_port)
node provider.mjs "$provider_port" "$base/login/sso/callback" >"$work/provider.log" 2>&1 &
until_it_answers "http://127.0.0.1:$provider_port/.well-known/openid-configuration"

cat >"$work/sally.toml" <<END
db = "$work/sso.db"
listen = "127.0.0.1:$port"
oidc_issuer = "http://127.0.0.1:$provider_port"
oidc_client_id = "sally"
oidc_name = "Acme Login"
oidc_allowed_domains = ["example.com", "studio-nord.example"]
oidc_workspace = "studio-nord"
END
SALLY_OIDC_CLIENT_SECRET='a secret: with / signs' "$sally" --config "$work/sally.toml" serve --demo >"$work/told" 2>"$work/sally.log" &
until_it_answers "$base/health"
email=$(awk '/^E-mail/ {print $2}' "$work/told")
node sso.mjs "$base" "$email" $pictures
if grep -E 'ERROR|panic' "$work/sally.log"; then exit 1; fi
