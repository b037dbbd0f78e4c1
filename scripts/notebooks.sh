#!/usr/bin/env bash
# Executes the notebooks of examples/notebooks (or those given) on a new server, and writes them back with their outputs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/places.sh

eval "$(scripts/engine.sh env)"
eval "$(scripts/clients.sh)"
home=$(mktemp -d)
: >"$home/ready"
.venv/bin/processing-emulator serve --port 0 --data-dir "$home/data" >"$home/ready" 2>"$home/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; rm -rf "$home"' EXIT
until grep -q '^Ready\.' "$home/ready"; do
    kill -0 "$server" 2>/dev/null || give_up "the server did not become ready: $(tail -n 5 "$home/log")"
    sleep 0.1
done
port=$(sed -n 's/^Ready.*://p' "$home/ready")
eval "$(.venv/bin/processing-emulator env --port "$port" --data-dir "$home/data")"
[ $# -gt 0 ] || set -- examples/notebooks/*.ipynb
PATH="$PROCESSING_EMULATOR_TEST_SAGEMAKER_2/bin:$PATH"
PIP_NO_INDEX=1 PIP_FIND_LINKS="$PROCESSING_EMULATOR_TEST_SAGEMAKER_2/wheels" \
    python scripts/execute_notebooks.py examples/notebooks "$@"
