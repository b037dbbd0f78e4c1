#!/usr/bin/env bash
# Sets everything up and runs the flights example for real: environment, engine, images, server, two jobs.
# Ends what it started, unless KEEP=1. The exit code is the example's.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/places.sh

home="$PE_STATE/demo"
log="$home/server.log"
first="$home/first-run-seconds"
keep=${KEEP:-0}
server='' started_engine=no

phase() { # TITLE COMMAND...: its output indented below the title, then how long it took
    local title=$1 from=$SECONDS
    shift
    printf '\n== %s\n' "$title"
    "$@"
    printf '   %s s\n' "$((SECONDS - from))"
}

find_engine() {
    .venv/bin/python scripts/engine_ping.py >/dev/null || started_engine=yes
    scripts/engine.sh up
    eval "$(scripts/engine.sh env)"
}

server_runs() {
    kill -0 "$server" 2>/dev/null && [ "$(sed 's/.*) //; s/ .*//' "/proc/$server/stat" 2>/dev/null)" != Z ]
}

start_server() {
    local deadline=$((SECONDS + 60))
    rm -rf "$home/data"
    mkdir -p "$home"
    : >"$log"
    port=$(.venv/bin/python scripts/free_port.py 9320)
    server=$(.venv/bin/python scripts/detach.py "$log" "$PWD/.venv/bin/processing-emulator" serve \
        --port "$port" --data-dir "$home/data")
    until grep -q '^Ready\.' "$log"; do
        if ! server_runs || [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 20 "$log" >&2
            give_up "the server did not become ready; its log is $log"
        fi
        sleep 0.1
    done
    cat "$log"
}

stop_server() {
    local tenth
    [ -n "$server" ] || return 0
    kill -TERM "$server" 2>/dev/null || true
    for ((tenth = 0; tenth < 200; tenth++)); do
        server_runs || return 0
        sleep 0.1
    done
    printf 'The server (process %s) does not end; it is killed.\n' "$server" >&2
    kill -KILL "$server" 2>/dev/null || true
}

clean_up() {
    trap '' INT TERM
    if [ "$keep" = 1 ] && [ -n "$server" ]; then
        printf '\nThe server goes on (process %s). End it:  kill %s' "$server" "$server"
        if [ "$started_engine" = yes ]; then printf ' && scripts/engine.sh down'; fi
        printf '\n'
        return
    fi
    stop_server
    if [ "$started_engine" = yes ]; then scripts/engine.sh down; fi
}

show_times() {
    local now=$SECONDS
    if [ -s "$first" ]; then
        printf '\nThis run took %s s; the first one on this machine took %s s.\n' "$now" "$(cat "$first")"
    else
        echo "$now" >"$first"
        printf '\nThis run took %s s, the first on this machine. The next one finds all that was fetched and built.\n' "$now"
    fi
}

show_next_steps() {
    cat <<END

How to go on:
  make demo KEEP=1                            leaves the server running, to look around
  .venv/bin/processing-emulator serve         starts a server of your own
  eval "\$(.venv/bin/processing-emulator env)"  points boto3 and the AWS CLI in this shell at it
  .venv/bin/processing-emulator doctor        says what is found, what is missing, and what mends it
  examples/flights/run.py                     the client that has just run: plain boto3
END
}

SECONDS=0
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
phase "Environment" scripts/setup.sh
phase "Docker engine" find_engine
phase "Images" .venv/bin/python -m containers.build
phase "Server" start_server
eval "$(.venv/bin/processing-emulator env --port "$port")"
code=0
phase "Two jobs on the flights of 2013" .venv/bin/python examples/flights/run.py || code=$?
if [ "$code" = 0 ]; then
    show_times
    show_next_steps
fi
exit "$code"
