#!/bin/bash
# compare.sh [SECONDS [NODES]]: durable writes of skep-store and of etcd, one node or three, asked in
# turns by the same client over mutual TLS.  (Between etcd's own nodes there is no TLS, which helps it.)
set -eu
seconds=${1:-5} nodes=${2:-1}
folder=$(mktemp -d /tmp/skep-compare-XXXXXX)
pids=()
stop() {
        for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
        wait
        rm -rf "$folder"
}
trap stop EXIT

make_identity() { # NODE
        mkdir -p "$folder/id$1"
        [ "$1" = 1 ] || cp "$folder/id1/root.key" "$folder/id1/root.crt" "$folder/id$1"
        tests/lib/identity/make-identity "$folder/id$1" cluster1 "node$1" swarm-manager \
                store orchestrator etcd
}

start_store() { # NODE ARGUMENT...
        local n=$1
        shift
        manager/store/skep-store --folder "$folder/store$n" --identity "$folder/id$n" \
                --listen "127.0.0.1:2383$n" --advertise "127.0.0.1:2383$n" \
                --raft-listen "127.0.0.1:2385$n" --raft-advertise "127.0.0.1:2385$n" "$@" \
                >"$folder/store$n.log" 2>&1 &
        pids+=($!)
}

# The first is made leader by being the least patient.
start_etcd() { # NODE
        local n=$1 cluster= i
        for i in $(seq "$nodes"); do cluster+="${cluster:+,}n$i=http://127.0.0.1:2380$i"; done
        etcd --name "n$n" --data-dir "$folder/etcd$n" \
                --listen-client-urls "https://127.0.0.1:2379$n" \
                --advertise-client-urls "https://127.0.0.1:2379$n" \
                --listen-peer-urls "http://127.0.0.1:2380$n" \
                --initial-advertise-peer-urls "http://127.0.0.1:2380$n" \
                --initial-cluster "$cluster" --heartbeat-interval 100 \
                --election-timeout "$((n == 1 ? 600 : 4000))" \
                --client-cert-auth --trusted-ca-file "$folder/id$n/root.crt" \
                --cert-file "$folder/id$n/etcd.crt" --key-file "$folder/id$n/etcd.key" \
                --log-level error >"$folder/etcd$n.log" 2>&1 &
        pids+=($!)
}

for n in $(seq "$nodes"); do make_identity "$n"; done
tests/bench/store/make_bootstrap "$folder/bootstrap"
start_store 1 --bootstrap "$folder/bootstrap"
for n in $(seq 2 "$nodes"); do start_store "$n" --join 127.0.0.1:23831; done
for n in $(seq "$nodes"); do start_etcd "$n"; done
sleep 6

for round in 1 2; do
        echo "etcd, $nodes node(s), round $round"
        tests/bench/store/store_bench etcd 127.0.0.1:23791 "$folder/id1" "$seconds"
        echo "skep-store, $nodes node(s), round $round"
        tests/bench/store/store_bench store 127.0.0.1:23831 "$folder/id1" "$seconds" |
                if [ $round = 1 ]; then cat; else grep -v batches; fi
done
