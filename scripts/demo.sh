#!/usr/bin/env bash
# Sets everything up and runs the flights example: environment, Docker engine, images, server, two jobs.
# Stops what it started, unless KEEP=1. The exit code is the example's.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/places.sh

home="$PE_STATE/demo"
log="$home/server.log"
first="$home/first-run-seconds"
keep=${KEEP:-0}
server='' started_engine=no number=0 from=0

begin() { # TITLE
    number=$((number + 1))
    printf '\n[%s/6] %s\n' "$number" "$1"
    from=$SECONDS
}

finish() {
    printf '      %s s\n' "$((SECONDS - from))"
}

find_engine() {
    .venv/bin/python scripts/engine_ping.py >/dev/null || started_engine=yes
    scripts/engine.sh up
    eval "$(scripts/engine.sh env)"
}

server_runs() {
    kill -0 "$server" 2>/dev/null && [ "$(sed 's/.*) //; s/ .*//' "/proc/$server/stat" 2>/dev/null)" != Z ]
}

remove_jobs() {
    .venv/bin/python scripts/remove_jobs.py "$(cat "$home/data/id" 2>/dev/null || true)"
}

# A server kept by an earlier run (KEEP=1) uses the data folder that this run deletes.
end_kept_server() {
    server=$(cat "$home/server.pid" 2>/dev/null || true)
    case $(tr '\0' ' ' <"/proc/$server/cmdline" 2>/dev/null || ps -o args= -p "$server" 2>/dev/null) in
    *"$home/data"*) echo "Stopping the server kept by an earlier run (process $server)." && stop_server ;;
    esac
    server=''
    remove_jobs
}

start_server() {
    local deadline=$((SECONDS + 60))
    mkdir -p "$home"
    end_kept_server
    rm -rf "$home/data"
    : >"$log"
    port=$(.venv/bin/python scripts/free_port.py 9320)
    server=$(.venv/bin/python scripts/detach.py "$log" "$PWD/.venv/bin/processing-emulator" serve \
        --port "$port" --data-dir "$home/data")
    echo "$server" >"$home/server.pid"
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
    printf 'The server (process %s) does not stop; killing it.\n' "$server" >&2
    kill -KILL "$server" 2>/dev/null || true
}

clean_up() {
    trap - EXIT
    trap '' INT TERM
    if [ "$keep" = 1 ] && [ -n "$server" ]; then
        printf 'The server is still running (process %s). Stop it:  kill %s' "$server" "$server"
        if [ "$started_engine" = yes ]; then printf ' && scripts/engine.sh down'; fi
        printf '\n'
        return
    fi
    stop_server
    # Job containers keep running without the server; this server will not be restarted to finish them.
    remove_jobs || true
    if [ "$started_engine" = yes ]; then scripts/engine.sh down; fi
}

show_times() {
    local now=$SECONDS
    if [ -s "$first" ]; then
        printf '\nThis run took %s s, the first one on this machine %s s.\n\n' "$now" "$(cat "$first")"
    else
        echo "$now" >"$first"
        printf '\nThis run took %s s, the first on this machine. The next run reuses the downloads and images.\n\n' "$now"
    fi
}

show_next_steps() {
    cat <<END
Your own code, in two shells:
  .venv/bin/processing-emulator serve
  eval "\$(.venv/bin/processing-emulator env)"    then use boto3, the AWS CLI or the SageMaker SDK as usual
Check this machine:  .venv/bin/processing-emulator doctor
END
}

SECONDS=0
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
begin "Environment"
scripts/setup.sh
finish
begin "Docker engine"
find_engine
finish
begin "Images"
.venv/bin/processing-emulator images build
finish
begin "Server"
start_server
finish
eval "$(.venv/bin/processing-emulator env --port "$port" --data-dir "$home/data")"
begin "Two jobs on the flights of 2013"
code=0
.venv/bin/python examples/flights/run.py || code=$?
finish
begin "Clean up"
clean_up
finish
if [ "$code" = 0 ]; then
    show_times
    show_next_steps
fi
exit "$code"
