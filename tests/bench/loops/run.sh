#!/bin/bash
# What store, orchestrator, allocator and scheduler cost per task: a service of many tasks on many nodes, without agents.
set -eu
. tests/bench/lib/lib.sh
bench_build //tests/bench/loops:loops_bench //manager/store:skep-store //manager/orchestrator:skep-orchestrator \
        //manager/allocator:skep-allocator //manager/scheduler:skep-scheduler
# It finds the daemons from where it stands.
cd build/bin
tests/bench/loops/loops_bench "${1:-50000}" "${2:-1000}"
