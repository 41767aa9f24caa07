#!/bin/sh
# Drives the real coding agents and MCP servers, against a stand-in for their model APIs on loopback. It needs npm, node 20
# or newer, and a network to install them once; no key and no sign-in. It is no part of CI.
#
#   tests/agents/run.sh            all cases, as a table; fails when one does not hold
#   ONLY=edit tests/agents/run.sh  those with this in their names
#
# CASCADE_AGENTS names the folder in which the programs are installed: 2 GB, ~/.cache/cascade-agents without it.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
CASCADE_AGENTS=${CASCADE_AGENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/cascade-agents}
export CASCADE_AGENTS
mkdir -p "$CASCADE_AGENTS"
packages="
  @anthropic-ai/claude-code@2.1.330
  @openai/codex@0.169.0
  @google/gemini-cli@0.61.0
  @agentclientprotocol/claude-agent-acp@0.101.0
  @agentclientprotocol/codex-acp@2.6.0
  @modelcontextprotocol/server-everything@2026.8.31
  @modelcontextprotocol/server-memory@2026.8.31
  ruv-swarm@1.0.20
"
if [ "$(cat "$CASCADE_AGENTS/installed" 2>/dev/null || true)" != "$packages" ]; then
  [ -e "$CASCADE_AGENTS/package.json" ] || echo '{"private":true}' > "$CASCADE_AGENTS/package.json"
  # The list is split into words on purpose.
  # shellcheck disable=SC2086
  npm install --prefix "$CASCADE_AGENTS" --no-audit --no-fund $packages
  printf %s "$packages" > "$CASCADE_AGENTS/installed"
fi
cd "$here"
exec cargo test -q -p cascade-tests --test real_agents -- --ignored --nocapture
