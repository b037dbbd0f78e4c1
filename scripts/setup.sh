#!/usr/bin/env bash
# Creates or updates .venv from uv.lock. Quick and silent when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .venv/bin/processing-emulator ] || echo "Setting up .venv" >&2
unset VIRTUAL_ENV UV_PROJECT_ENVIRONMENT
# Compile now instead of at the first start: the server is ready in under a second instead of two.
scripts/uv.sh sync --locked --quiet --compile-bytecode
.venv/bin/python -m compileall -q emulator
