#!/usr/bin/env bash
# What a release consists of, in target/package: the executable alone and as an archive, a .deb, the list of what is in it
# (SBOM), and their checksums. Needs cargo-deb and cargo-cyclonedx (cargo install, by these names).
set -euo pipefail
cd "$(dirname "$0")/.."

# The same sources give the same bytes, wherever they are built.
export RUSTFLAGS="--remap-path-prefix=$PWD=/sally --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
target=$(cargo metadata --format-version 1 --no-deps --locked | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
out=$target/package
rm -rf "$out" && mkdir -p "$out"

cargo build --release --locked
sally=$target/release/sally
version=$("$sally" --version | cut -d ' ' -f 2)
machine=$(uname -m)

for shell in bash zsh fish; do "$sally" completions "$shell" >"$out/sally.$shell"; done
"$sally" completions man >"$out/sally.1"
cargo deb --no-build --no-strip --output "$out/" --quiet
cargo cyclonedx --format json --quiet && mv sally.cdx.json "$out/sally-$version.cdx.json"

folder=sally-$version-$machine-linux
mkdir "$out/$folder"
cp "$sally" "$out"/sally.{1,bash,zsh,fish} README.md CHANGELOG.md LICENSE-* sally.toml.example packaging/sally.service "$out/$folder/"
tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -czf "$out/$folder.tar.gz" "$folder"
rm -r "$out/${folder:?}" "$out"/sally.{1,bash,zsh,fish}
(cd "$out" && sha256sum -- * >SHA256SUMS)
ls -l "$out"
