#!/usr/bin/env bash
# The executable of a release. The same sources and compilers (Rust, C) give the same bytes, in whatever folder they lie.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(cargo metadata --format-version 1 --no-deps --locked | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
# Beside the flags of .cargo/config.toml, where RUSTFLAGS would be instead of them. The last that fits counts.
remap="'--remap-path-prefix=$PWD=/sally', '--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo', '--remap-path-prefix=$target=/target'"
cargo build --release --locked --bin sally --config "target.'cfg(unix)'.rustflags=[$remap]"
