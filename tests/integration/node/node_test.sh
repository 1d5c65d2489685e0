#!/bin/bash
# One real node: all daemons, a private containerd, real containers, a registry; scenarios are the functions of *_scenarios.py.
#
#         tests/integration/node/node_test.sh [--programs FOLDER] [--keep] [WORD...]
#
# WORDs choose the scenarios whose names contain one of them.  Everything lives in process, mount and network namespaces and in
# one folder of its own, so that nothing of this machine is touched and several runs do not collide.  Needs root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)

[ "${1:-}" = --inside ] || {
        programs='' keep=''
        while [ $# -gt 0 ]; do
                case $1 in
                --programs) programs=$2 && shift ;;
                --keep) keep=1 ;;
                *) break ;;
                esac
                shift
        done
        [ "$(id -u)" = 0 ] || { echo "$0 needs root: it runs containers" >&2; exit 1; }
        folder=$(mktemp -d "${TMPDIR:-/tmp}/skep-node-test.XXXXXX")
        cgroup=$(basename "$folder" | tr . -)
        clean_up() {
                for _ in 1 2 3 4 5 6 7 8 9 10; do
                        find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2>/dev/null || true
                        find /sys/fs/cgroup -type d -path "*/$cgroup*" 2>/dev/null | grep -q . || break
                        sleep 0.2
                done
                [ -n "$keep" ] || rm -rf --one-file-system "$folder"
        }
        trap clean_up EXIT
        mkdir "$folder/bin" "$folder/py"
        for name in agent:skep-agent mesh:skep-mesh dispatcher:skep-dispatcher manager/store:skep-store manager/ca:skep-ca \
                manager/join:skep-join manager/orchestrator:skep-orchestrator manager/allocator:skep-allocator \
                manager/scheduler:skep-scheduler manager/api_server:skep-api cli:skep; do
                cp "${programs:-$top/build/bin}/${name/://}" "$folder/bin/"
        done
        cp "$top/deploy/skep-respawn" "$folder/bin/"
        protoc -I "$top" -I /usr/include --python_out="$folder/py" "$top"/api/{node,control,specs,objects,store,dispatcher,ca}.proto \
                /usr/include/protobuf-c/protobuf-c.proto
        status=0
        # KILL, as unshare blocks the others, and everything inside ends with it; --foreground lets Ctrl-C of a terminal in.
        timeout --foreground -s KILL 1500 unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc tini -s -- \
                "$0" --inside "$folder" "$cgroup" "$@" || status=$?
        exit $status
}

# Inside: an empty /run, a name of our own, loopback, and "outside", a namespace that sees the node as others do.
folder=$2 cgroup=$3
shift 3
mount -t tmpfs tmpfs /run
hostname testnode
ip link set lo up
ip netns add outside
ip link add uplink type veth peer name eth0 netns outside
ip addr add 10.88.0.1/24 dev uplink
ip link set uplink up
ip -n outside addr add 10.88.0.2/24 dev eth0
ip -n outside link set eth0 up
ip -n outside link set lo up
# gRPC does not free, at the end, connections that were shaking hands; session:stop_test looks for leaks of ours.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
export TOP=$top PYTHONPATH=$folder/py PYTHONDONTWRITEBYTECODE=1 GRPC_VERBOSITY=ERROR
exec /usr/bin/python3 "$here/run.py" "$folder" "$cgroup" "$@"
