# Sourced, not run: where the scripts keep what must outlive the clone.
#   PE_CACHE  what can be fetched or built again (uv, MinIO, Compose)
#   PE_STATE  what belongs to this user on this machine (engine's pid and log, the demo's data and first time)
# shellcheck shell=bash
PE_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/processing-emulator"
PE_STATE="${XDG_STATE_HOME:-$HOME/.local/state}/processing-emulator"
mkdir -p "$PE_CACHE" "$PE_STATE"

# One sentence on stderr, then out.
give_up() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

is_root_on_debian() {
    [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null
}

# Install Debian packages; the long output goes to a log and is shown (its end) when it fails. Only for root.
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
