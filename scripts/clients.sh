#!/usr/bin/env bash
# Installs the AWS clients that the tests run, each in a separate environment in the cache, keyed by its lock file, and
# prints the `export` lines that point to them. The tests report a client that cannot be installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/places.sh
. "$here/places.sh"

python="$here/../.venv/bin/python"
homes="$PE_CACHE/clients"
mkdir -p "$homes"
[ -x "$python" ] || "$here/setup.sh"
"$here/uv.sh" --version >/dev/null # download uv once, before the parallel calls below

key_of() { # FILE...: a hash of their contents and the Python version
    { "$python" -V && cat "$@"; } | git hash-object --stdin | cut -c 1-12
}

make_python() { # NAME HOME
    "$here/uv.sh" venv --quiet --python "$python" "$2" &&
        "$here/uv.sh" pip install --quiet --python "$2/bin/python" --require-hashes \
            --requirements "$here/clients/$1.txt"
}

# The notebooks download packages for the Linux of their containers; offline, pip finds them in this folder.
make_notebooks() { # NAME HOME
    local machine
    machine=$(uname -m)
    make_python "$1" "$2" &&
        "$2/bin/python" -m pip download --quiet --no-deps --require-hashes --only-binary :all: --python-version 3.11 \
            --platform "manylinux2014_${machine/arm64/aarch64}" --platform "manylinux_2_28_${machine/arm64/aarch64}" \
            --requirement "$here/clients/notebook-wheels.txt" --dest "$2/wheels"
}

make_javascript() { # NAME HOME
    local node
    mkdir -p "$2" &&
        cp "$here/clients/$1/package.json" "$here/clients/$1/package-lock.json" "$2" &&
        (cd "$2" && "$here/node.sh" npm ci --ignore-scripts --no-audit --no-fund --loglevel error) &&
        node=$("$here/node.sh" node -p process.execPath) &&
        ln -s "$node" "$2/node"
}

# A folder without `ready` is left over from an interrupted run and is rebuilt. The lock keeps out concurrent calls.
ensure() { # VARIABLE MAKER NAME FILE...
    local variable=$1 maker=$2 name=$3 home
    shift 3
    home="$homes/$name-$(key_of "$@")"
    exec 9>"$home.lock"
    ! command -v flock >/dev/null || flock 9
    if [ ! -e "$home/ready" ]; then
        echo "Setting up the client $name" >&2
        rm -rf "$home"
        "$maker" "$name" "$home" >"$home.log" 2>&1 9>&- || {
            tail -n 5 "$home.log" >&2
            give_up "the client $name could not be set up; the whole output is in $home.log"
        }
        touch "$home/ready"
        rm -f "$home.log"
    fi
    printf 'export PROCESSING_EMULATOR_TEST_%s=%q\n' "$variable" "$home"
}

parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
(ensure AWSCLI make_python awscli "$here/clients/awscli.txt") >"$parts/1" &
(ensure SAGEMAKER_2 make_notebooks sagemaker-2 "$here"/clients/{sagemaker-2,notebook-wheels}.txt) >"$parts/2" &
(ensure SAGEMAKER_3 make_python sagemaker-3 "$here/clients/sagemaker-3.txt") >"$parts/3" &
(ensure JAVASCRIPT make_javascript javascript "$here"/clients/javascript/package*.json) >"$parts/4" &
(ensure AIRFLOW make_python airflow "$here/clients/airflow.txt") >"$parts/5" &
(ensure FLYTEKIT make_python flytekit "$here/clients/flytekit.txt") >"$parts/6" &
(ensure SMOPS make_python smops "$here/clients/smops.txt") >"$parts/7" &
wait
cat "$parts"/*
