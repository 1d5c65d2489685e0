#!/bin/bash
# The test of the tests: plants each bug of this folder in the loops, and expects the simulator, the golden cases or the
# properties to notice.
#
#         tests/sim/cluster/mutants/run.sh [NAME...]
#
# Works on the sources in place (they must be committed) and puts them back.
set -u
cd "$(dirname "$0")/../../../.." || exit 2
here=tests/sim/cluster/mutants
suites=(
        "sim //tests/sim/cluster:sim_test"
        "golden //tests/golden/..."
        "properties //tests/unit/manager/orchestrator/... //tests/unit/manager/scheduler/..."
)
[ -z "$(git status --porcelain -- manager lib)" ] || { echo "commit your changes first" >&2; exit 2; }
for name; do
        [ -f "$here/$name.patch" ] || { echo "no bug is named $name" >&2; exit 2; }
done
trap 'git checkout -q -- manager lib' EXIT

# noticed NAME: puts into 'caught' which suites fail on the sources as they are now.
noticed() {
        local suite word targets
        caught=()
        for suite in "${suites[@]}"; do
                read -r word targets <<<"$suite"
                # shellcheck disable=SC2086
                bazel test --test_output=summary --test_summary=none $targets >/dev/null 2>&1
                case $? in
                0) ;;
                3) caught+=("$word") ;;
                *) echo "$1: does not build" >&2; exit 2 ;;
                esac
        done
}

# Without a bug nothing may be noticed.
noticed "the tree as it is"
[ ${#caught[@]} -eq 0 ] || { echo "the tree as it is fails ${caught[*]}" >&2; exit 2; }

n=0 survivors=()
for patch in "$here"/*.patch; do
        name=$(basename "$patch" .patch)
        [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
        git apply "$patch" || { echo "$name: does not apply" >&2; exit 2; }
        noticed "$name"
        git checkout -q -- manager lib
        n=$((n + 1))
        if [ ${#caught[@]} -eq 0 ]; then
                survivors+=("$name")
                echo "$name: SURVIVES"
        else
                echo "$name: caught by ${caught[*]}"
        fi
done
echo "$n planted, ${#survivors[@]} survive"
[ ${#survivors[@]} -eq 0 ]
