#!/bin/bash
# What a task costs in a mirror: memory, and how fast a view takes news.
set -eu
. tests/bench/lib/lib.sh
bench_build //tests/bench/view:view_bench
"$(program //tests/bench/view:view_bench)" "${1:-100000}"
