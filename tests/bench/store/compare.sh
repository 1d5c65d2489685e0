#!/bin/bash
# compare.sh [SECONDS]: durable writes of one skep-store and of one etcd, in turns, over mutual TLS.
set -eu
seconds=${1:-5}
folder=$(mktemp -d /tmp/skep-compare-XXXXXX)
store_pid= etcd_pid=
stop() {
        for pid in $store_pid $etcd_pid; do kill "$pid" 2>/dev/null || true; done
        wait
        rm -rf "$folder"
}
trap stop EXIT

tests/lib/identity/make-identity "$folder/id" cluster1 node1 swarm-manager store orchestrator etcd
tests/bench/store/make_bootstrap "$folder/bootstrap"

manager/store/skep-store --folder "$folder/store" --bootstrap "$folder/bootstrap" \
        --identity "$folder/id" --listen 127.0.0.1:23830 >"$folder/store.log" 2>&1 &
store_pid=$!
etcd --data-dir "$folder/etcd" --listen-client-urls https://127.0.0.1:23790 \
        --advertise-client-urls https://127.0.0.1:23790 --listen-peer-urls http://127.0.0.1:23800 \
        --client-cert-auth --trusted-ca-file "$folder/id/root.crt" \
        --cert-file "$folder/id/etcd.crt" --key-file "$folder/id/etcd.key" \
        --log-level error >"$folder/etcd.log" 2>&1 &
etcd_pid=$!
sleep 2

for round in 1 2; do
        echo "etcd, round $round"
        tests/bench/store/store_bench etcd 127.0.0.1:23790 "$folder/id" "$seconds"
        echo "skep-store, round $round"
        if [ $round = 1 ]; then
                tests/bench/store/store_bench store 127.0.0.1:23830 "$folder/id" "$seconds"
        else
                tests/bench/store/store_bench store 127.0.0.1:23830 "$folder/id" "$seconds" |
                        grep -v batches
        fi
done
