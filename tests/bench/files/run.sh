#!/bin/bash
# Secrets in services: made, sent to the node with their tasks, and one that all follow in a new version.  Nothing runs really.
set -eu
. tests/bench/lib/lib.sh

count=1000
options=("$@")
while [ $# -gt 0 ]; do
        case $1 in
        --count) count=$2 && shift ;;
        *) echo "files [--count N]" >&2 && exit 125 ;;
        esac
        shift
done
if [ -z "${BENCH_INSIDE:-}" ]; then
        # shellcheck disable=SC2086
        bench_build $PROGRAM_TARGETS //tests/bench/files:files_bench
        in_private 300 "$0" "${options[@]}"
fi
cp "$(program //tests/bench/files:files_bench)" "$BENCH_FOLDER/"
swarm_up --executor fake
"$BENCH_FOLDER/files_bench" "$(SKEP_API)" "$count"
load_average
