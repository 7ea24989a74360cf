#!/usr/bin/env bash
# What a release consists of, in target/package: the executable alone and as an archive, a .deb, the list of what is in it
# (SBOM), and their checksums. The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in 'deb 3.8.0' 'cyclonedx 0.5.9'; do
  read -r name version <<<"$tool"
  cargo install --list | grep "^cargo-$name v$version:" >/dev/null || missing+=" cargo-$name@$version"
done
[ -z "${missing:-}" ] || { echo "First: cargo install --locked$missing" >&2; exit 1; }

# Whatever is written today bears the time of the commit.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
umask 022
target=$(cargo metadata --format-version 1 --no-deps --locked | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
out=$target/package
rm -rf "$out" && mkdir -p "$out"

tools/build.sh
sally=$target/release/sally
version=$("$sally" --version | cut -d ' ' -f 2)
name=sally-$version-$(uname -m)-linux

# Beside the executable, where Cargo.toml's list of what the .deb holds can name them.
texts=$target/release/texts
rm -rf "$texts" && mkdir "$texts"
for shell in bash zsh fish; do "$sally" completions "$shell" >"$texts/sally.$shell"; done
"$sally" completions man >"$texts/sally.1"
gzip -9nk "$texts/sally.1"

cargo cyclonedx --format json --spec-version 1.5 --override-filename sally.crates --quiet
tools/contents.py sally.crates.json "$out/sally-$version.cdx.json" "$texts/THIRD-PARTY.txt"
rm sally.crates.json

cp "$sally" "$out/$name"
cargo deb --no-build --no-strip --output "$out/" --quiet

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name"/{docs,packaging}
cp "$sally" "$texts"/{sally.{1,bash,zsh,fish},THIRD-PARTY.txt} README.md CHANGELOG.md SECURITY.md LICENSE-* sally.toml.example "$work/$name/"
cp -R docs/*.md docs/decisions "$work/$name/docs/"
cp packaging/sally.{service,sysusers,toml} packaging/litestream.{yml,conf} "$work/$name/packaging/"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" | gzip -n >"$out/$name.tar.gz"

(cd "$out" && sha256sum -- * >SHA256SUMS)
ls -l "$out"
