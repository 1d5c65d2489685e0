# What benchmarks share: building, private namespaces, a private swarm, processor time and memory of its daemons.
# Sourced from the top folder.
# shellcheck shell=bash

PROGRAM_TARGETS="//agent:skep-agent //mesh:skep-mesh //dispatcher:skep-dispatcher //manager/store:skep-store
        //manager/ca:skep-ca //manager/join:skep-join //manager/orchestrator:skep-orchestrator
        //manager/allocator:skep-allocator //manager/scheduler:skep-scheduler //manager/api_server:skep-api //cli:skep"

bench_build() { # bench_build TARGET...: optimised; quiet unless it fails
        local log
        log=$(mktemp)
        bazel build --config=opt --noshow_progress "$@" 2>"$log" || { tail -n 30 "$log" >&2; rm -f "$log"; exit 1; }
        rm -f "$log"
}

# program LABEL: the path of what a label builds.
program() {
        local path=${1#//}
        echo "$PWD/build/bin/${path/://}"
}

# in_private SECONDS COMMAND...: runs it with network, mounts and processes of its own and the empty folder BENCH_FOLDER,
# for at most so long.  However it ends, also by ^C: its processes end with it, and mounts, cgroups and the folder go.
in_private() {
        local seconds=$1 job status=0
        shift
        BENCH_FOLDER=$(mktemp -d /tmp/skep-bench-XXXXXX)
        export BENCH_FOLDER BENCH_INSIDE=1
        # The first process of a process namespace takes all others with it; it goes when unshare goes, and that goes when we go.
        setpriv --pdeathsig KILL timeout --signal KILL "$seconds" setpriv --pdeathsig KILL \
                unshare --net --mount --pid --fork --kill-child=KILL --mount-proc --propagation private \
                bash -c '. tests/bench/lib/lib.sh; private_mounts; exec "$@"' private "$@" </dev/null &
        job=$!
        trap 'kill -KILL "$job" 2>/dev/null' INT TERM HUP
        trap 'private_clean "$job"' EXIT
        wait "$job" || status=$?
        [ "$status" -gt 128 ] && echo "it was ended, by a signal or after $seconds s" >&2
        exit "$status"
}

# private_mounts: what daemons write outside of their folders is ours alone.
private_mounts() {
        ip link set lo up
        mkdir -p "$BENCH_FOLDER"/{cgroup,etc,work}
        mount --rbind /sys/fs/cgroup "$BENCH_FOLDER/cgroup"
        mount -t sysfs sysfs /sys
        mount --rbind "$BENCH_FOLDER/cgroup" /sys/fs/cgroup
        mount -t tmpfs tmpfs /run
        # Everything that runs for this benchmark, containers too, counts its processor time in one group.
        mkdir -p "$(CPU_GROUP)/bench"
        echo 0 >"$(CPU_GROUP)/bench/cgroup.procs"
        mount -t overlay -o "lowerdir=/etc,upperdir=$BENCH_FOLDER/etc,workdir=$BENCH_FOLDER/work" overlay /etc
}

CPU_GROUP() { echo "/sys/fs/cgroup/cpuacct/$(basename "$BENCH_FOLDER")"; }

private_clean() {
        set +e
        kill -KILL "$1" 2>/dev/null
        wait "$1" 2>/dev/null
        for _ in $(seq 1 50); do
                rm -rf --one-file-system "$BENCH_FOLDER" 2>/dev/null
                find /sys/fs/cgroup -depth -type d -path "*/$(basename "$BENCH_FOLDER")*" -exec rmdir {} + 2>/dev/null
                [ -e "$BENCH_FOLDER" ] || [ -n "$(find /sys/fs/cgroup -maxdepth 2 -name "$(basename "$BENCH_FOLDER")*")" ] || break
                sleep 0.1
        done
}

# swarm_up [AGENT OPTIONS...]: one node of Skep, initialised, of copied programs, so that a build meanwhile changes nothing.
swarm_up() {
        local target
        mkdir -p /run/skep "$BENCH_FOLDER"/skep/{bin,state}
        for target in $PROGRAM_TARGETS; do cp -f "$(program "$target")" "$BENCH_FOLDER/skep/bin/"; done
        setsid "$BENCH_FOLDER/skep/bin/skep-agent" --state-folder "$BENCH_FOLDER/skep/state" --run-folder "/run/skep" \
                --backend spawn --listen "unix:/run/skep/node.sock" --cgroup-parent "$(basename "$BENCH_FOLDER")/skep" "$@" \
                >"$BENCH_FOLDER/skep/agent.log" 2>&1 </dev/null &
        wait_for test -S "/run/skep/node.sock"
        swarm_cli swarm init --advertise-addr 127.0.0.1 >/dev/null || { tail "$BENCH_FOLDER/skep/agent.log" >&2; return 1; }
}
SKEP_API() { echo "unix:/run/skep/api.sock"; }

swarm_cli() { "$BENCH_FOLDER/skep/bin/skep" -H "$(SKEP_API)" --node "unix:/run/skep/node.sock" "$@"; }

# docker_up: Debian's dockerd in swarm mode, one node.
docker_up() {
        command -v dockerd >/dev/null || { echo "no dockerd to measure beside: install docker.io, or say --no-peer" >&2; return 1; }
        mkdir -p "$BENCH_FOLDER/docker"
        setsid dockerd --data-root "$BENCH_FOLDER/docker/data" --exec-root /run/docker \
                --pidfile "$BENCH_FOLDER/docker/pid" -H "unix://$(DOCKER_SOCKET)" --storage-driver overlay2 \
                --cgroup-parent "/$(basename "$BENCH_FOLDER")/docker" >"$BENCH_FOLDER/docker/log" 2>&1 </dev/null &
        wait_for docker_call GET /_ping || { tail "$BENCH_FOLDER/docker/log" >&2; return 1; }
        docker_call POST /swarm/init '{"ListenAddr":"127.0.0.1:12377","AdvertiseAddr":"127.0.0.1:12377"}' >/dev/null
}
DOCKER_SOCKET() { echo "$BENCH_FOLDER/docker/docker.sock"; }

docker_call() { # docker_call METHOD PATH [BODY]
        curl -sf --max-time 30 --unix-socket "$(DOCKER_SOCKET)" -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} "http://docker$2"
}

# registry_up: a registry on 127.0.0.1:5000 with the image bench:latest, whose process sleeps; sets BENCH_IMAGE, with its digest.
registry_up() {
        local work=$BENCH_FOLDER/registry
        mkdir -p "$work"
        REGISTRY=127.0.0.1:5000 REGISTRY_STATE=$work WORK=$work
        . deploy/lib/registry.sh
        registry_config >"$work/config.yml"
        docker-registry serve "$work/config.yml" >"$work/log" 2>&1 </dev/null &
        wait_for registry_answers
        {
                umoci init --layout "$work/oci"
                umoci new --image "$work/oci:base"
                umoci unpack --image "$work/oci:base" "$work/bundle"
                image_rootfs "$work/bundle/rootfs"
                umoci repack --image "$work/oci:base" "$work/bundle"
                umoci config --image "$work/oci:base" --config.env PATH=/bin
                image_push bench:latest --config.cmd tail --config.cmd -f --config.cmd /dev/null
        } >"$work/image.log" 2>&1 || { tail "$work/image.log" >&2; return 1; }
        BENCH_IMAGE=$REGISTRY/bench@$(curl -sfI -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
                "http://$REGISTRY/v2/bench/manifests/latest" | tr -d '\r' | awk 'tolower($1) == "docker-content-digest:" { print $2 }')
}

wait_for() { # wait_for COMMAND...: for 20 s at most
        for _ in $(seq 1 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
        echo "waited too long: $*" >&2
        return 1
}

load_average() { echo "load_average: $(cut -d' ' -f1 /proc/loadavg)"; }

# pss_kb PID...: proportional memory.
pss_kb() {
        local pid
        for pid in "$@"; do awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null; done | awk '{ sum += $1 } END { print sum + 0 }'
}

# cpu_ticks PID...: user and system time, in hundredths of a second.
cpu_ticks() {
        local pid
        for pid in "$@"; do sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null; done | awk '{ sum += $12 + $13 } END { print sum + 0 }'
}

# pids_named PROGRAM...: processes of them in this process namespace.
pids_named() {
        local process name
        for process in /proc/[0-9]*; do
                for name in "$@"; do
                        [ "$(basename "$(readlink "$process/exe" 2>/dev/null)")" = "$name" ] && echo "${process#/proc/}"
                done
        done
        return 0
}
