#!/bin/bash
# Rolling updates of real containers, until all tasks are new and run: 10 one by one, many at 20 at once; Skep, then dockerd.
set -eu
. tests/bench/lib/lib.sh

rounds=5 many=200 peer=1
options=("$@")
while [ $# -gt 0 ]; do
        case $1 in
        --no-peer) peer= ;;
        --rounds) rounds=$2 && shift ;;
        --many) many=$2 && shift ;;
        *) echo "update [--no-peer] [--rounds N] [--many N]" >&2 && exit 125 ;;
        esac
        shift
done
if [ -z "${BENCH_INSIDE:-}" ]; then
        # shellcheck disable=SC2086
        bench_build $PROGRAM_TARGETS //tests/bench/update:update_bench
        in_private 900 "$0" "${options[@]}"
fi
cp "$(program //tests/bench/update:update_bench)" "$BENCH_FOLDER/"
registry_up
swarm_up
"$BENCH_FOLDER/update_bench" skep "$(SKEP_API)" "$BENCH_IMAGE" "$rounds" "$many" || { tail -n 20 "$BENCH_FOLDER/skep/agent.log" >&2; exit 1; }
[ -n "$peer" ] || exit 0
docker_up
"$BENCH_FOLDER/update_bench" dockerd "$(DOCKER_SOCKET)" "$BENCH_IMAGE" "$rounds" "$many" || { tail -n 20 "$BENCH_FOLDER/docker/log" >&2; exit 1; }
