#!/bin/bash
# See `tests/bench/run --help`.
set -eu
bazel build --config=opt //tests/bench/failover:failover_bench >&2
cd build/bin
exec tests/bench/failover/failover_bench
