# Read by the scripts beside it: goes to a working folder that goes away, with the stories and what they need in it, and
# knows how to serve.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sally-browser-tests
mkdir -p "$cache"
# Installed once, however many stories begin at the same time.
(
  flock 9
  cmp -s "$here/package.json" "$cache/installed.json" && exit
  cp "$here/package.json" "$cache/"
  npm install --prefix "$cache" --ignore-scripts --no-audit --no-fund --silent
  cp "$here/package.json" "$cache/installed.json"
) 9>"$cache/lock"
cp "$here"/*.mjs "$here/package.json" "$work/"
ln -s "$cache/node_modules" "$work/node_modules"
cd "$work"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_it_answers() { for _ in $(seq 200); do curl -sf "$1" >/dev/null && return; sleep 0.1; done; cat "$work"/*.log; return 1; }

# serve NAME BASE ARGUMENT…: a server in the background; what it prints is in NAME.told, its log in NAME.log.
serve() {
  # Every story signs in anew.
  SALLY_SIGN_IN_ATTEMPTS_PER_MINUTE=1000 "$sally" serve --listen "${2#http://}" "${@:3}" >"$1.told" 2>"$1.log" &
  until_it_answers "$2/health"
}

# ends NAME: the last server, which must have had nothing to complain about.
ends() {
  kill -TERM $! && wait $!
  if grep -E 'ERROR|panic' "$1.log"; then return 1; fi
}
