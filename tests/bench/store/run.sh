#!/bin/bash
# Durable writes of one skep-store and of one etcd, in turns, by the same client over mutual TLS.
set -eu
. tests/bench/lib/lib.sh

seconds=${1:-5}
if [ -z "${BENCH_INSIDE:-}" ]; then
        bench_build //manager/store:skep-store //tests/bench/store:store_bench //tests/bench/store:make_bootstrap \
                //tests/lib/identity:make-identity
        in_private $((seconds * 20 + 60)) "$0" "$@"
fi
for target in //manager/store:skep-store //tests/bench/store:store_bench //tests/bench/store:make_bootstrap //tests/lib/identity:make-identity; do
        cp "$(program $target)" "$BENCH_FOLDER/"
done
cd "$BENCH_FOLDER"
./make-identity "$PWD/id" cluster1 node1 swarm-manager store orchestrator etcd
./make_bootstrap "$PWD/bootstrap"
./skep-store --folder "$PWD/store" --bootstrap "$PWD/bootstrap" --identity "$PWD/id" --listen 127.0.0.1:23830 >store.log 2>&1 &
etcd --data-dir "$PWD/etcd-data" --listen-client-urls https://127.0.0.1:23790 --advertise-client-urls https://127.0.0.1:23790 \
        --listen-peer-urls http://127.0.0.1:23800 --client-cert-auth --trusted-ca-file "$PWD/id/root.crt" \
        --cert-file "$PWD/id/etcd.crt" --key-file "$PWD/id/etcd.key" --log-level error >etcd.log 2>&1 &
sleep 2
keys() { awk -F: -v prefix="$1" -v round="$2" '{ gsub(/ /, "_", $1); printf "%s_%s_round_%s:%s\n", prefix, $1, round, $2 }'; }
for round in 1 2; do
        ./store_bench etcd 127.0.0.1:23790 "$PWD/id" "$seconds" | keys etcd $round
        ./store_bench store 127.0.0.1:23830 "$PWD/id" "$seconds" | keys store $round
        load_average
done
