#!/bin/bash
# Placements a second at 5,000 half-full nodes and 200 specs with constraints of their own, checked by an oracle.
set -eu
. tests/bench/lib/lib.sh
bench_build //tests/bench/scheduler:scheduler_bench
"$(program //tests/bench/scheduler:scheduler_bench)" "$@"
