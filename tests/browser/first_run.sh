#!/usr/bin/env bash
# The first run of a new server in headless Chromium: on a desktop, on a phone, and without scripts; each on a file of its own.
#   tests/browser/first_run.sh TARGET/debug/sally [FOLDER FOR PICTURES]
set -euo pipefail
sally=$(realpath "$1")
pictures=${2:+$(realpath -m "$2")}
. "$(dirname "$0")/prepare.sh"
for kind in desktop phone plain; do
  base="http://127.0.0.1:$(free_port)"
  serve "$kind" "$base" --db "$kind.db"
  node first_run.mjs "$base" "$(grep -o 'http[^ ]*/setup?token=[^ ]*' "$kind.told")" "$kind" $pictures
  ends "$kind"
done
