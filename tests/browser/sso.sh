#!/usr/bin/env bash
# Single sign-on in headless Chromium: a real provider and a server that asks it, both on this machine.
#   tests/browser/sso.sh TARGET/debug/sally [FOLDER FOR PICTURES]
set -euo pipefail
sally=$(realpath "$1")
pictures=${2:+$(realpath -m "$2")}
. "$(dirname "$0")/prepare.sh"
base="http://127.0.0.1:$(free_port)"
provider="http://127.0.0.1:$(free_port)"
node provider.mjs "${provider##*:}" "$base/login/sso/callback" >provider.log 2>&1 &
until_it_answers "$provider/.well-known/openid-configuration"

cat >sally.toml <<TOML
oidc_issuer = "$provider"
oidc_client_id = "sally"
oidc_name = "Acme Login"
oidc_allowed_domains = ["example.com", "studio-nord.example"]
oidc_workspace = "studio-nord"
TOML
SALLY_OIDC_CLIENT_SECRET='a secret: with / signs' serve sso "$base" --demo --config sally.toml --db sso.db
node sso.mjs "$base" "$(awk '/^E-mail/ {print $2}' sso.told)" $pictures
ends sso
