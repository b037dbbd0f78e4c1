#!/usr/bin/env bash
# Runs uv with the arguments given: the one on PATH if it is new enough, otherwise a pinned one downloaded once into the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/places.sh
. "$here/places.sh"

oldest=0.8.0 # the oldest that keeps this lock file's revision
version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' "$here/uv-requirements.txt")
home="$PE_CACHE/uv-$version"
python=${PYTHON:-python3}

# Installs into a separate folder (--target), which works in a virtual environment and with an "externally managed" Python.
pip_install() {
    PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        "$@" -m pip install --quiet --no-deps --only-binary :all: --require-hashes \
        --target "$home.part" -r "$here/uv-requirements.txt" >&2
}

fetch() {
    local seed
    rm -rf "$home.part"
    if "$python" -m pip --version >/dev/null 2>&1; then
        pip_install "$python"
        return
    fi
    seed=$(mktemp -d)
    if ! "$python" -m venv "$seed" >/dev/null 2>&1; then
        is_root_on_debian || give_up "this Python has neither pip nor venv: install uv, or python3-venv, and try again"
        install_debian_packages python3-venv
        python=/usr/bin/python3
        "$python" -m venv --clear "$seed"
    fi
    pip_install "$seed/bin/python" && rm -rf "$seed"
}

is_new_enough() { # UV
    [ "$(printf '%s\n' "$oldest" "$("$1" --version | cut -d' ' -f2)" | sort -V | head -n 1)" = "$oldest" ]
}

# The system's bundle may have a company's certificates; uv has its own list.
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -z "${SSL_CERT_FILE:-}" ] && [ -r "$bundle" ]; then
    export SSL_CERT_FILE="$bundle"
fi

if found=$(command -v uv) && is_new_enough "$found"; then
    exec "$found" "$@"
fi
if [ ! -x "$home/bin/uv" ]; then
    command -v "$python" >/dev/null || give_up "no python3 found: install Python 3.11 or newer"
    fetch || give_up "cannot download uv $version from the package index"
    rm -rf "$home"
    mv "$home.part" "$home"
fi
exec "$home/bin/uv" "$@"
