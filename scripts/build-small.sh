#!/usr/bin/env bash
# Builds the smallest binary, target/small/dicebench: all crates optimised together, equal functions
# and relocations merged by the linker where it can. Takes about twice as long as a release build.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(uname -sm)" = "Linux x86_64" ]; then
  # LLD, which Rust uses on this platform; the second needs glibc 2.36 or newer.
  export RUSTFLAGS="${RUSTFLAGS:-} -Clink-arg=-Wl,--icf=all -Clink-arg=-Wl,-z,pack-relative-relocs"
fi
# Where the crates lie on this machine is no part of the program: shorter names in what a panic says.
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
  RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$crates="
done
export RUSTFLAGS
cargo build --profile small --locked --bin dicebench
# Built so, the table of symbols is still in the file: fourteen megabytes.
strip "${CARGO_TARGET_DIR:-target}/small/dicebench"
ls -l "${CARGO_TARGET_DIR:-target}/small/dicebench"
