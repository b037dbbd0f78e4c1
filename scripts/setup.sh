#!/usr/bin/env bash
# Makes .venv what uv.lock says it is. Says nothing and takes a moment when it is already.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where the system has a bundle of trusted certificates, a company's own are in it; uv brings its own list otherwise.
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -z "${SSL_CERT_FILE:-}" ] && [ -r "$bundle" ]; then
    export SSL_CERT_FILE="$bundle"
fi

uv=$(scripts/uv.sh)
[ -x .venv/bin/processing-emulator ] || echo "Setting up .venv" >&2
unset VIRTUAL_ENV UV_PROJECT_ENVIRONMENT
"$uv" sync --locked --quiet
