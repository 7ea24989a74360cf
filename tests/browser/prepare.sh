# Read by the scripts beside it: the stories and what they need, in a folder outside the repository, and goes there.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sally-browser-tests
mkdir -p "$cache"
cp "$here"/*.mjs "$here/package.json" "$cache/"
cd "$cache"
npm install --ignore-scripts --no-audit --no-fund --silent
