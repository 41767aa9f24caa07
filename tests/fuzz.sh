#!/bin/sh
# Runs every fuzz target for a while: tests/fuzz.sh [seconds, 60 if absent] [target …]
#
# Installs cargo-fuzz if it is not there. The sanitizer needs flags of a nightly compiler;
# RUSTC_BOOTSTRAP lets the stable one take them.
set -eu
cd "$(dirname "$0")/fuzz"
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- parse format check answer
export RUSTC_BOOTSTRAP=1
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
for target in "$@"; do
  mkdir -p "corpus/$target"
  seeds=seeds
  # Answers of models begin with a byte that chooses their type.
  [ "$target" = answer ] && seeds=answers
  cargo fuzz run --fuzz-dir . "$target" "corpus/$target" "$seeds" -- -max_total_time="$seconds" -max_len=4096 -timeout=10
done
