#!/usr/bin/env bash
# Finds or downloads the tools that only the tests need, and prints the `export` lines that point to them: a C compiler (for
# a stub GPU driver), PostgreSQL, `ip` (isolated networks), fish, Chromium, a Docker registry, MinIO, Docker Compose, the AWS clients.
# The tests report a tool that cannot be installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/places.sh
. "$here/places.sh"

# Unpacked, not installed: the Debian package would start a registry as a system service.
fetch_registry() {
    local part
    part=$(mktemp -d "$PE_CACHE/registry.XXXXXX")
    chmod 755 "$part"
    if (
        cd "$part"
        apt-get download -qq docker-registry || { apt-get update -qq && apt-get download -qq docker-registry; }
        dpkg-deb --extract docker-registry_*.deb .
    ) >"$PE_STATE/registry.log" 2>&1 </dev/null; then
        rm -rf "$PE_CACHE/registry"
        mv "$part" "$PE_CACHE/registry"
    else
        rm -rf "$part"
        echo "cannot download docker-registry; the output is in $PE_STATE/registry.log" >&2
    fi
}

# Debian keeps the server's programs off the PATH, in one folder per version.
has_postgresql() {
    command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null
}

# The package would otherwise make a cluster and start it with the machine; the tests make their own.
no_service_of_postgresql() {
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/processing-emulator.conf
}

chromium_here() {
    command -v chromium || command -v chromium-browser || command -v google-chrome || true
}

clients=$(mktemp)
trap 'rm -f "$clients"' EXIT
"$here/clients.sh" >"$clients" & # mostly downloads, so it runs while MinIO is built

wanted=()
command -v cc >/dev/null || wanted+=(gcc libc6-dev)
command -v ip >/dev/null || wanted+=(iproute2)
command -v fish >/dev/null || wanted+=(fish)
[ -n "$(chromium_here)" ] || wanted+=(chromium)
if ! has_postgresql && is_root_on_debian; then
    no_service_of_postgresql
    wanted+=(postgresql)
fi
if [ ${#wanted[@]} -gt 0 ] && is_root_on_debian; then
    echo "Installing ${wanted[*]}" >&2
    install_debian_packages "${wanted[@]}"
fi
if ! command -v docker-registry >/dev/null && command -v apt-get >/dev/null; then
    [ -x "$PE_CACHE/registry/usr/bin/docker-registry" ] || fetch_registry
    # shellcheck disable=SC2016 # the caller expands PATH
    printf 'export PATH=%q:"$PATH"\n' "$PE_CACHE/registry/usr/bin"
fi
if [ -n "$(chromium_here)" ]; then
    printf 'export PROCESSING_EMULATOR_TEST_CHROMIUM=%q\n' "$(chromium_here)"
fi
if minio=$("$here/minio.sh"); then
    printf 'export PROCESSING_EMULATOR_TEST_MINIO=%q\n' "$minio"
fi
"$here/compose.sh" version >&2 || true
wait
cat "$clients"
