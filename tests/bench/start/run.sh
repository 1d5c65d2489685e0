#!/bin/bash
# Real containers of an image that is there: create -> RUNNING, killed -> replaced, scale and memory; Skep, then dockerd.
set -eu
. tests/bench/lib/lib.sh

count=50 scale=200 peer=1
options=("$@")
while [ $# -gt 0 ]; do
        case $1 in
        --no-peer) peer= ;;
        --count) count=$2 && shift ;;
        --scale) scale=$2 && shift ;;
        *) echo "start [--no-peer] [--count N] [--scale N]" >&2 && exit 125 ;;
        esac
        shift
done
if [ -z "${BENCH_INSIDE:-}" ]; then
        # shellcheck disable=SC2086
        bench_build $PROGRAM_TARGETS //tests/bench/start:start_bench
        in_private 900 "$0" "${options[@]}"
fi
cp "$(program //tests/bench/start:start_bench)" "$BENCH_FOLDER/"
registry_up
swarm_up
"$BENCH_FOLDER/start_bench" skep "$(SKEP_API)" "$BENCH_IMAGE" "$count" "$scale" "$(CPU_GROUP)/cpuacct.usage" || { tail -n 20 "$BENCH_FOLDER/skep/agent.log" >&2; exit 1; }
[ -n "$peer" ] || exit 0
docker_up
"$BENCH_FOLDER/start_bench" dockerd "$(DOCKER_SOCKET)" "$BENCH_IMAGE" "$count" "$scale" "$(CPU_GROUP)/cpuacct.usage" || { tail -n 20 "$BENCH_FOLDER/docker/log" >&2; exit 1; }
