#!/usr/bin/env bash
# Finds a Docker engine, or starts one as root on Debian or Ubuntu.
#   up       make sure that an engine answers; where it cannot start one, say what to install
#   down     stop the engine that `up` started, and no other; images stay
#   status   print which engine answers, and whether `up` started it
#   env      print the `export` line for an engine that is known only to the Docker CLI ("docker context")
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/places.sh

log="$PE_STATE/dockerd.log"
ours="$PE_STATE/dockerd.pid"         # "PID START-TIME": the start time detects a reused process id
dockerd_pid=/var/run/docker.pid      # written by dockerd and its containerd
containerd_pid=/var/run/docker/containerd/containerd.pid
patience=120

ping_engine() {
    [ -x .venv/bin/python ] || scripts/setup.sh
    .venv/bin/python scripts/engine_ping.py "$@"
}

started_at() { # PID: its start time in clock ticks since boot
    cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null || true
}

runs() { # PID NAME: whether a process of that name runs (a zombie does not)
    [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ] &&
        [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null)" != Z ]
}

ours_runs() { # print the process id of the engine that `up` started, if it still runs
    local pid start
    read -r pid start 2>/dev/null <"$ours" || return 1
    runs "$pid" dockerd && [ "$(started_at "$pid")" = "$start" ] && echo "$pid"
}

read_pid() {
    cat "$1" 2>/dev/null || true
}

# Pid files survive a kill, and their process ids may be reused: dockerd would refuse to start, or wait for a containerd
# that is not there.
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
    if runs "$(read_pid "$dockerd_pid")" dockerd; then # started by another process, and still starting up
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
    3) give_up "no permission for the Docker socket: add yourself to the group that owns it (usually docker)" ;;
    esac
    eval "$(print_env)"
    if [ -n "${DOCKER_HOST:-}" ]; then
        ping_engine || give_up "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST"
    elif is_root_on_debian; then
        # Start one engine at a time. dockerd outlives this script and must not inherit the lock.
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

end() { # PID NAME: SIGTERM, then SIGKILL
    kill -TERM "$1" 2>/dev/null || true
    ends_within 30 "$1" "$2" || kill -KILL "$1" 2>/dev/null || true
    ends_within 5 "$1" "$2" || give_up "$2 (process $1) does not stop"
}

down() {
    local pid containerd
    if pid=$(ours_runs); then
        containerd=$(read_pid "$containerd_pid")
        end "$pid" dockerd
        if runs "$containerd" containerd; then end "$containerd" containerd; fi
        forget_stale_ids
        echo "Stopped the Docker engine that was started here." >&2
    fi
    rm -f "$ours"
}

status() {
    local pid
    ping_engine || { echo "No Docker engine answers." && return 1; }
    if pid=$(ours_runs); then echo "Started by scripts/engine.sh: process $pid, log $log"; fi
}

# Docker Desktop, Colima and others may not use the default socket; the Docker CLI's context has their address.
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
