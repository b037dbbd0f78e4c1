#!/usr/bin/env bash
# Prints the path of a MinIO server for the tests: $PROCESSING_EMULATOR_TEST_MINIO, or the one in the cache, which the first
# call builds as MinIO documents it (some minutes). MinIO no longer publishes binaries.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/places.sh
. "$here/places.sh"

version=v0.0.0-20260212201848-7aac2a2c5b7c
binary="$PE_CACHE/bin/minio-$version"

if [ -n "${PROCESSING_EMULATOR_TEST_MINIO:-}" ]; then
    [ -x "$PROCESSING_EMULATOR_TEST_MINIO" ] || give_up "PROCESSING_EMULATOR_TEST_MINIO is not an executable file: $PROCESSING_EMULATOR_TEST_MINIO"
    printf '%s\n' "$PROCESSING_EMULATOR_TEST_MINIO"
    exit
fi

build() {
    local part="$binary.part"
    rm -rf "$part"
    echo "Building MinIO $version; this takes some minutes, once" >&2
    if ! GOBIN="$part" CGO_ENABLED=0 "$here/go.sh" install "github.com/minio/minio@$version" >"$binary.log" 2>&1; then
        tail -n 5 "$binary.log" >&2
        give_up "MinIO could not be built; the whole output is in $binary.log"
    fi
    mv "$part/minio" "$binary"
    rm -rf "$part" "$binary.log"
}

if [ ! -x "$binary" ]; then
    mkdir -p "${binary%/*}"
    exec 9>"$binary.lock"
    ! command -v flock >/dev/null || flock 9 # another call may be building it now
    [ -x "$binary" ] || build
fi
printf '%s\n' "$binary"
