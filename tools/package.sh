#!/usr/bin/env bash
# What a release consists of, in target/package: the executable alone and as an archive, a .deb, the list of what is in it
# (SBOM), and their checksums. Needs cargo-deb (3.8 or newer) and cargo-cyclonedx (cargo install, by these names).
set -euo pipefail
cd "$(dirname "$0")/.."

# The same sources give the same bytes, wherever they are built.
export RUSTFLAGS="--remap-path-prefix=$PWD=/sally --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
# Rust links with lld there, which keeps one of functions that are the same: a twentieth of the executable.
[ "$(uname -m)" != x86_64 ] || RUSTFLAGS+=" -C link-arg=-Wl,--icf=all"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
target=$(cargo metadata --format-version 1 --no-deps --locked | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
out=$target/package
rm -rf "$out" && mkdir -p "$out"

cargo build --release --locked
sally=$target/release/sally
version=$("$sally" --version | cut -d ' ' -f 2)
name=sally-$version-$(uname -m)-linux

# Beside the executable, where Cargo.toml's list of what the .deb holds can name them.
texts=$target/release/texts
rm -rf "$texts" && mkdir "$texts"
for shell in bash zsh fish; do "$sally" completions "$shell" >"$texts/sally.$shell"; done
"$sally" completions man >"$texts/sally.1"

cp "$sally" "$out/$name"
cargo deb --no-build --no-strip --output "$out/" --quiet
cargo cyclonedx --format json --quiet && mv sally.cdx.json "$out/sally-$version.cdx.json"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name"/{docs,packaging}
cp "$sally" "$texts"/* README.md CHANGELOG.md SECURITY.md LICENSE-* sally.toml.example "$work/$name/"
cp docs/*.md "$work/$name/docs/"
cp packaging/sally.{service,sysusers,toml} packaging/litestream.{yml,conf} "$work/$name/packaging/"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -czf "$out/$name.tar.gz" "$name"

(cd "$out" && sha256sum -- * >SHA256SUMS)
ls -l "$out"
