# What benchmarks share: building, a private swarm, processor time and memory of its daemons.  Sourced from the top folder.
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

# in_private_network COMMAND...: a network and mount namespace with loopback only; ports are ours there.
in_private_network() {
        unshare --net --mount --propagation private bash -c 'ip link set lo up; exec "$@"' private "$@"
}

# swarm_programs FOLDER: copies, so that a build meanwhile changes nothing.
swarm_programs() {
        local target
        mkdir -p "$1/bin"
        for target in $PROGRAM_TARGETS; do cp -f "$(program "$target")" "$1/bin/"; done
}

# swarm_up FOLDER [AGENT OPTIONS...]: one node, initialised.
swarm_up() {
        local folder=$1
        shift
        mkdir -p "$folder/run" "$folder/state"
        setsid "$folder/bin/skep-agent" --state-folder "$folder/state" --run-folder "$folder/run" --backend spawn \
                --listen "unix:$folder/run/node.sock" "$@" >"$folder/agent.log" 2>&1 </dev/null &
        SWARM_AGENT=$!
        for _ in $(seq 1 100); do [ -S "$folder/run/node.sock" ] && break; sleep 0.05; done
        swarm_cli "$folder" swarm init --advertise-addr 127.0.0.1 >/dev/null || { tail "$folder/agent.log" >&2; return 1; }
}

swarm_cli() {
        local folder=$1
        shift
        "$folder/bin/skep" -H "unix:$folder/run/api.sock" --node "unix:$folder/run/node.sock" "$@"
}

# swarm_pids FOLDER: all processes of the private swarm.
swarm_pids() {
        local process
        for process in /proc/[0-9]*; do
                process=${process#/proc/}
                [ "$process" = $$ ] && continue
                case "$(tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null)" in *"bench/run"* | *run.sh*) ;; *"$1/"*) echo "$process" ;; esac
        done
}

# swarm_down FOLDER: everything of it ends, containers too.
swarm_down() {
        local mount pids
        kill -KILL "$SWARM_AGENT" 2>/dev/null
        for _ in 1 2 3; do
                pids=$(swarm_pids "$1")
                [ -n "$pids" ] || break
                # shellcheck disable=SC2086
                kill -KILL $pids 2>/dev/null
                sleep 0.3
        done
        while read -r mount; do umount -l "$mount"; done < <(awk -v a="$1/" 'index($2, a) == 1 { print $2 }' /proc/mounts | sort -r)
        find /sys/fs/cgroup -depth -type d -path "*/$(basename "$1")*" -exec rmdir {} + 2>/dev/null
        rm -rf "$1"
}

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

# pids_named FOLDER NAME: processes of a program of the private swarm.
pids_named() {
        local process
        for process in $(swarm_pids "$1"); do
                [ "$(basename "$(readlink "/proc/$process/exe" 2>/dev/null)")" = "$2" ] && echo "$process"
        done
}
