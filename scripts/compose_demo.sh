#!/usr/bin/env bash
# Runs the flights example against `docker compose up`: the server and a MinIO-compatible store, each in a container. Uses
# its own project name, so a stack of yours is not touched; removes everything at the end, unless KEEP=1.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/places.sh

export COMPOSE_PROJECT_NAME=processing-emulator-demo
started_engine=no

clean_up() {
    trap '' INT TERM
    if [ "${KEEP:-0}" = 1 ]; then
        printf '\nStop it:  COMPOSE_PROJECT_NAME=%s scripts/compose.sh down -v\n' "$COMPOSE_PROJECT_NAME"
        return
    fi
    # Job containers keep running without the server; an interrupted run may have left some, and they block the network's removal.
    id=$(scripts/compose.sh exec --no-TTY emulator cat /var/lib/processing-emulator/id 2>/dev/null </dev/null || true)
    scripts/compose.sh stop --timeout 20
    .venv/bin/python scripts/remove_jobs.py "$id" || true
    scripts/compose.sh down --volumes
    if [ "$started_engine" = yes ]; then scripts/engine.sh down; fi
}

scripts/setup.sh
.venv/bin/python scripts/engine_ping.py >/dev/null || started_engine=yes
scripts/engine.sh up
eval "$(scripts/engine.sh env)"
.venv/bin/processing-emulator images build
EMULATOR_IMAGE=$(.venv/bin/python -m containers.build --tag emulator)
STORE_IMAGE=$(.venv/bin/python -m containers.store)
EMULATOR_PORT=$(.venv/bin/python scripts/free_port.py 9320)
export EMULATOR_IMAGE STORE_IMAGE EMULATOR_PORT

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if ! scripts/compose.sh up --detach --no-build --wait --wait-timeout 120; then
    scripts/compose.sh logs --tail 40 >&2
    give_up "the stack did not become healthy"
fi
eval "$(.venv/bin/processing-emulator env --port "$EMULATOR_PORT" --no-sdk-config)"
.venv/bin/python examples/flights/run.py
