#!/bin/bash
# Durable service creates with 1, 16 and 64 clients, and listing them; with --peer, dockerd in swarm mode in the same run.
set -eu
. tests/bench/lib/lib.sh

if [ -z "${BENCH_INSIDE:-}" ]; then
        # shellcheck disable=SC2086
        bench_build $PROGRAM_TARGETS //tests/bench/api:api_bench
        BENCH_INSIDE=1 in_private_network "$0" "$@"
        exit
fi
folder=$(mktemp -d /tmp/skep-api-XXXXXX)
trap 'swarm_down "$folder"' EXIT
swarm_programs "$folder"
swarm_up "$folder" --executor fake
"$(program //tests/bench/api:api_bench)" "unix:$folder/run/api.sock" "${1:-5}"
