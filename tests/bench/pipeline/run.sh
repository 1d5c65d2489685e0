#!/bin/bash
# See `tests/bench/run --help`.  Everything is in a folder of its own, on the disk that holds /tmp.
set -eu
bazel build --config=opt //tests/bench/pipeline:pipeline_bench >&2
folder=$(mktemp -d /tmp/skep-bench-XXXXXX)
trap 'rm -rf "$folder"' EXIT
cd build/bin
tests/bench/pipeline/pipeline_bench --folder "$folder/manager" "$@"
