#!/usr/bin/env bash
# Finds a Docker engine, or starts one as root on Debian or Ubuntu, and ends what it started.
#   up       leaves an engine that answers; elsewhere says in one sentence what to install
#   down     ends the engine that `up` started, and no other; images stay
#   status   says which engine answers, and whether it is ours
#   env      the shell line to reach an engine that only Docker's own CLI knows ("docker context")
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/places.sh

log="$PE_STATE/dockerd.log"
ours="$PE_STATE/dockerd.pid"         # "PID START": the start moment tells our process from a later one of the same id
dockerd_pid=/var/run/docker.pid      # dockerd's own, and its containerd's
containerd_pid=/var/run/docker/containerd/containerd.pid
patience=120

ping_engine() {
    [ -x .venv/bin/python ] || scripts/setup.sh
    .venv/bin/python scripts/engine_ping.py "$@"
}

started_at() { # PID: the moment it was started, in the kernel's ticks
    cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null || true
}

runs() { # PID NAME: a live process of that name, not yet a zombie
    [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ] &&
        [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null)" != Z ]
}

ours_runs() { # prints the id of the engine that we started, if it still runs
    local pid start
    read -r pid start 2>/dev/null <"$ours" || return 1
    runs "$pid" dockerd && [ "$(started_at "$pid")" = "$start" ] && echo "$pid"
}

read_pid() {
    cat "$1" 2>/dev/null || true
}

# After a kill or a crash the id files stay, and the ids may since belong to others: dockerd would refuse to start, or
# wait for a containerd that is not there.
forget_stale_ids() {
    runs "$(read_pid "$dockerd_pid")" dockerd || rm -f "$dockerd_pid"
    runs "$(read_pid "$containerd_pid")" containerd || rm -f "$containerd_pid"
}

give_up_on_start() {
    tail -n 5 "$log" >&2
    give_up "dockerd does not answer; its log is $log"
}

start() {
    local pid
    if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null; then
        echo "Installing Docker (docker.io, iptables)" >&2
        install_debian_packages docker.io iptables
    fi
    if [ -d /run/systemd/system ]; then
        systemctl start docker >>"$log" 2>&1 </dev/null || give_up_on_start
        ping_engine --seconds "$patience" || give_up_on_start
        return
    fi
    if runs "$(read_pid "$dockerd_pid")" dockerd; then # somebody's, and still on its way
        ping_engine --seconds "$patience" || give_up "dockerd runs (process $(read_pid "$dockerd_pid")) but does not answer"
        return
    fi
    forget_stale_ids
    pid=$(.venv/bin/python scripts/detach.py "$log" dockerd)
    echo "$pid $(started_at "$pid")" >"$ours"
    ping_engine --seconds "$patience" --pid "$pid" || give_up_on_start
}

up() {
    local code=0
    ping_engine || code=$?
    case $code in
    0) return ;;
    3) give_up "the Docker engine's socket belongs to others: add yourself to the group that owns it (often: docker)" ;;
    esac
    eval "$(print_env)"
    if [ -n "${DOCKER_HOST:-}" ]; then
        ping_engine || give_up "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST"
    elif is_root_on_debian; then
        # One at a time; the lock is not handed to dockerd, which outlives us.
        exec 9>"$PE_STATE/engine.lock"
        flock 9
        ping_engine || start
    else
        give_up "no Docker engine answers: install and start Docker (Docker Engine, Docker Desktop, Colima or Podman with DOCKER_HOST)"
    fi
}

ends_within() { # SECONDS PID NAME
    local tenths=$(($1 * 10))
    while runs "$2" "$3"; do
        [ $((tenths--)) -gt 0 ] || return 1
        sleep 0.1
    done
}

end() { # PID NAME: politely, then for good
    kill -TERM "$1" 2>/dev/null || true
    ends_within 30 "$1" "$2" || kill -KILL "$1" 2>/dev/null || true
    ends_within 5 "$1" "$2" || give_up "$2 (process $1) does not end"
}

down() {
    local pid containerd
    if pid=$(ours_runs); then
        containerd=$(read_pid "$containerd_pid")
        end "$pid" dockerd
        if runs "$containerd" containerd; then end "$containerd" containerd; fi
        forget_stale_ids
        echo "The Docker engine that was started here has ended." >&2
    fi
    rm -f "$ours"
}

status() {
    local pid
    ping_engine || { echo "No Docker engine answers." && return 1; }
    if pid=$(ours_runs); then echo "Started by scripts/engine.sh: process $pid, log $log"; fi
}

# Docker Desktop, Colima and others may listen elsewhere than at the usual socket; their CLI context knows where.
print_env() {
    local host
    [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ] && command -v docker >/dev/null || return 0
    host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || return 0
    [ -z "$host" ] || [ "$host" = unix:///var/run/docker.sock ] || printf 'export DOCKER_HOST=%q\n' "$host"
}

case ${1:-} in
up) up ;;
down) down ;;
status) status ;;
env) print_env ;;
*) give_up "usage: engine.sh up|down|status|env" ;;
esac
