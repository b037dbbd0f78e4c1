# Sourced by the other scripts: folders outside the clone, and functions they share.
#   PE_CACHE  what can be downloaded or built again (uv, MinIO, Compose)
#   PE_STATE  this user's state on this machine (the engine's pid and log, the demo's data and first duration)
# shellcheck shell=bash
PE_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/processing-emulator"
PE_STATE="${XDG_STATE_HOME:-$HOME/.local/state}/processing-emulator"
mkdir -p "$PE_CACHE" "$PE_STATE"

# Print one sentence on stderr and exit.
give_up() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

is_root_on_debian() {
    [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null
}

# Install Debian packages (as root). The output goes to a log; on failure its last lines are printed.
install_debian_packages() {
    local log="$PE_STATE/apt.log"
    if ! {
        DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
    } >>"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        give_up "apt-get could not install $*; the whole output is in $log"
    fi
}
