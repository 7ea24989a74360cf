#!/usr/bin/env bash
# The first run of a new server in headless Chromium: on a desktop, on a phone, and without scripts; each on a file of its own.
#   tests/browser/first_run.sh TARGET/debug/sally [FOLDER FOR PICTURES]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sally=$(realpath "$1")
pictures=${2:+$(realpath -m "$2")}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

. "$here/prepare.sh"
for kind in desktop phone plain; do
  base="http://127.0.0.1:$(free_port)"
  "$sally" --db "$work/$kind.db" serve --listen "${base#http://}" >"$work/told" 2>"$work/$kind.log" &
  server=$!
  for _ in $(seq 200); do curl -sf "$base/health" >/dev/null && break; sleep 0.1; done
  node first_run.mjs "$base" "$(grep -o 'http[^ ]*/setup?token=[^ ]*' "$work/told")" "$kind" $pictures
  kill -TERM $server && wait $server
  if grep -E 'ERROR|panic' "$work/$kind.log"; then exit 1; fi
done
