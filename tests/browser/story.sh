#!/usr/bin/env bash
# A story in headless Chromium, with a server and a sample workspace of its own.
#   tests/browser/story.sh TARGET/debug/sally board [FOLDER FOR PICTURES]
# What comes after the story's name are paths that it is given besides an address, an e-mail and a password.
set -euo pipefail
sally=$(realpath "$1")
paths=()
for path in "${@:3}"; do paths+=("$(realpath -m "$path")"); done
. "$(dirname "$0")/prepare.sh"
base="http://127.0.0.1:$(free_port)"
serve demo "$base" --demo --db demo.db
node "$2.mjs" "$base" "$(awk '/^E-mail/ {print $2}' demo.told)" "$(awk '/^Password/ {print $2}' demo.told)" "${paths[@]}"
ends demo
