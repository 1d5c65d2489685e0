#!/bin/bash
# Unary calls and streams over mutual TLS between two processes.
set -eu
. tests/bench/lib/lib.sh
bench_build //tests/bench/rpc:bench
"$(program //tests/bench/rpc:bench)" "${@:-mtls}"
