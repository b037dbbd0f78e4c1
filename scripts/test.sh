#!/usr/bin/env bash
# Runs the test tiers and sums up their results; all tiers when none is named. Sets up the engine and images they need.
#   test.sh [architecture|unit|contract|integration|e2e]... [-- PYTEST-ARGUMENTS]
# PROCESSING_EMULATOR_REQUIRE_ALL=1 turns a skip for a missing tool, engine or store into a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/places.sh

workers=${TEST_WORKERS:-2}
tier_seconds=1800
started_engine=no

folder_of() { # TIER
    case $1 in
    architecture | unit | contract | integration | e2e) echo "tests/$1" ;;
    *) give_up "no such tier: $1" ;;
    esac
}

need_every_test_in_a_tier() {
    local folder
    for folder in tests/*/; do
        case $(basename "$folder") in
        architecture | unit | contract | integration | e2e | fakes | __pycache__) ;;
        *) give_up "$folder is not one of the test tiers" ;;
        esac
    done
    [ -z "$(find tests -maxdepth 1 -name 'test_*.py')" ] || give_up "there is a test outside the tier folders"
}

clean_up() {
    if [ "$started_engine" = yes ] && [ "${KEEP:-0}" != 1 ]; then scripts/engine.sh down; fi
}

prepare() {
    prepared=yes
    .venv/bin/python scripts/engine_ping.py >/dev/null || started_engine=yes
    trap clean_up EXIT
    scripts/engine.sh up
    eval "$(scripts/engine.sh env)"
    .venv/bin/processing-emulator images build
}

limit() { # COMMAND...: kill a tier that hangs; faulthandler prints its stacks before that
    if command -v timeout >/dev/null; then timeout --foreground --kill-after=30 "$tier_seconds" "$@"; else "$@"; fi
}

run_tier() { # TIER PYTEST-ARGUMENTS...
    local tier=$1 code=0 spread=loadscope # tests of a module share its server or store, so they run in one worker
    shift
    [ "$tier" != unit ] || spread=load
    printf '\n== %s tests\n' "$tier"
    limit .venv/bin/python -m pytest "$(folder_of "$tier")" --quiet -n "$workers" --dist "$spread" \
        -o faulthandler_timeout=300 --junit-xml "$results/$tier.xml" "$@" </dev/null || code=$?
    [ "$code" = 0 ] || failed=$code
}

tiers=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    folder_of "$1" >/dev/null
    tiers+=("$1")
    shift
done
[ "${1:-}" != -- ] || shift
[ ${#tiers[@]} -gt 0 ] || tiers=(architecture unit contract integration e2e)

need_every_test_in_a_tier
if [ "${PROCESSING_EMULATOR_REQUIRE_ALL:-}" = 1 ]; then
    tools=$(scripts/test_tools.sh)
    eval "$tools"
fi
results=$(mktemp -d)
failed=0
prepared=no
for tier in "${tiers[@]}"; do
    case $tier in
    architecture | unit) ;;
    *) [ "$prepared" = yes ] || prepare ;;
    esac
    run_tier "$tier" "$@"
done
.venv/bin/python scripts/tally.py "$results" "${tiers[@]}" || failed=1
rm -rf "$results"
exit "$failed"
