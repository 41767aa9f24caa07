#!/bin/sh
# Runs the suites of `std.testing` with the real test runners: pytest, Vitest, Jest, gotestsum, cargo-nextest and Node's
# own. It needs python3 with venv, node 20 or newer with npm, go and gotestsum, cargo-nextest, and a network to install
# pytest, Vitest and Jest once. It is no part of CI.
#
#   tests/tools/run.sh              all runners; fails when one does not hold
#   ONLY=pytest tests/tools/run.sh  those with this in their names
#
# CASCADE_TEST_TOOLS names the folder in which the runners are installed: 120 MB, ~/.cache/cascade-test-tools without it.
# What is not there (gotestsum, cargo-nextest) is named and left out.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
CASCADE_TEST_TOOLS=${CASCADE_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/cascade-test-tools}
export CASCADE_TEST_TOOLS
mkdir -p "$CASCADE_TEST_TOOLS"
versions="pytest==8.4.2 vitest@3.2.4 jest@30.2.0 jest-junit@16.0.0"
if [ "$(cat "$CASCADE_TEST_TOOLS/installed" 2>/dev/null || true)" != "$versions" ]; then
  python3 -m venv "$CASCADE_TEST_TOOLS/python"
  "$CASCADE_TEST_TOOLS/python/bin/pip" install -q --disable-pip-version-check pytest==8.4.2
  [ -e "$CASCADE_TEST_TOOLS/package.json" ] || echo '{"private":true}' > "$CASCADE_TEST_TOOLS/package.json"
  npm install --prefix "$CASCADE_TEST_TOOLS" --no-audit --no-fund vitest@3.2.4 jest@30.2.0 jest-junit@16.0.0
  printf %s "$versions" > "$CASCADE_TEST_TOOLS/installed"
fi
cd "$here"
exec cargo test -q -p cascade-tests --test test_tools -- --ignored --nocapture --test-threads=1
