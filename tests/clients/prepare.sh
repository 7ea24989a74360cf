# Installs what the clients need into a folder that is kept, and goes there. Read by the scripts beside it.

here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/sally-clients"
mkdir -p "$cache"
cp "$here"/*.mjs "$here"/*.py "$here"/package.json "$here"/requirements.txt "$cache"
cd "$cache"

# Once: to hear from the registries that all is there takes longer than most clients do.
if ! cat package.json requirements.txt | cmp -s - installed; then
  npm install --no-package-lock --no-audit --no-fund --silent
  # The Inspector and the conformance runner want a newer Node than many machines have.
  if ! node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 19) ? 0 : 1)'; then
    npm install --prefix node22 --no-audit --no-fund --silent node@22.23.3
  fi
  [ -x python/bin/python ] || python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
  cat package.json requirements.txt >installed
fi
if [ -d node22 ]; then PATH="$cache/node22/node_modules/.bin:$PATH"; fi
