#!/bin/bash
# Durable service creates with 1, 16 and 64 clients, and a list of 2,000 services; Skep, then dockerd in swarm mode.
set -eu
. tests/bench/lib/lib.sh

peer=1 seconds=5
options=("$@")
while [ $# -gt 0 ]; do
        case $1 in
        --no-peer) peer= ;;
        --seconds) seconds=$2 && shift ;;
        *) echo "api [--no-peer] [--seconds N]" >&2 && exit 125 ;;
        esac
        shift
done
if [ -z "${BENCH_INSIDE:-}" ]; then
        # shellcheck disable=SC2086
        bench_build $PROGRAM_TARGETS //tests/bench/api:api_bench //tests/bench/api:docker_api_bench
        in_private $((seconds * 10 + 120)) "$0" "${options[@]}"
fi
cp "$(program //tests/bench/api:api_bench)" "$(program //tests/bench/api:docker_api_bench)" "$BENCH_FOLDER/"
swarm_up --executor fake
"$BENCH_FOLDER/api_bench" "$(SKEP_API)" "$seconds"
load_average
[ -n "$peer" ] || exit 0
docker_up
"$BENCH_FOLDER/docker_api_bench" "$(DOCKER_SOCKET)" "$seconds"
load_average
