#!/usr/bin/env bash
# Brings the browser parts that are not ours from the npm registry into static/vendor, or checks that they are what was taken.
#   tools/vendor.sh           brings them
#   tools/vendor.sh --check   fails if a file here differs from the package, or is of none
#   tools/vendor.sh --list    says what they are: package, version, licence and SHA-256, a line for each
set -euo pipefail
cd "$(dirname "$0")/.."

# package, version, licence (SPDX), file in the package, SHA-256 of that file, name here, what a module of it exports
parts=(
  'idiomorph 0.8.0 0BSD dist/idiomorph.min.js 4cbd535caf7663a51eda9bce6595371c384fc430d54b8d414e29a61167f19f96 idiomorph.js Idiomorph'
)

if [ "${1:-}" = --list ]; then
  printf '%s\n' "${parts[@]}" | awk '{print $1, $2, $3, $5}'
  exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in "${parts[@]}"; do
  read -r package version licence file hash name export <<<"$part"
  echo "$name" >>"$work/names"
  echo "${name%.js}.LICENSE" >>"$work/names"
  npm pack --silent --pack-destination "$work" "$package@$version" >/dev/null
  tar -xzf "$work"/*.tgz -C "$work"
  rm "$work"/*.tgz
  echo "$hash  $work/package/$file" | sha256sum --check --quiet
  # The packed file is a classic script; browsers import modules only with an export.
  {
    echo "/* $package $version, $licence, https://www.npmjs.com/package/$package: unchanged but for the export. */"
    cat "$work/package/$file"
    echo "export { $export };"
  } >"$work/made"
  if [ "${1:-}" = --check ]; then
    cmp "$work/made" "static/vendor/$name"
    cmp "$work/package/LICENSE" "static/vendor/${name%.js}.LICENSE"
  else
    cp "$work/made" "static/vendor/$name"
    cp "$work/package/LICENSE" "static/vendor/${name%.js}.LICENSE"
  fi
  rm -r "$work/package"
done
LC_ALL=C sort "$work/names" | diff - <(LC_ALL=C ls static/vendor) || { echo 'static/vendor holds other files than the list in tools/vendor.sh.' >&2; exit 1; }
