# What deploy/up and deploy/down share: places, words, packages.  Sourced.
# shellcheck shell=bash

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PREFIX=${PREFIX:-/usr/local}
STATE=${SKEP_STATE:-/var/lib/skep}
RUN=${SKEP_RUN:-/run/skep}
PROGRAMS=$PREFIX/libexec/skep
REGISTRY=${SKEP_REGISTRY:-127.0.0.1:5000}
REGISTRY_STATE=${SKEP_REGISTRY_STATE:-/var/lib/skep-registry}

DAEMONS="store ca orchestrator allocator scheduler dispatcher api join mesh"
TARGETS="//agent:skep-agent //cli:skep //mesh:skep-mesh //dispatcher:skep-dispatcher
        //manager/store:skep-store //manager/ca:skep-ca //manager/join:skep-join
        //manager/orchestrator:skep-orchestrator //manager/allocator:skep-allocator
        //manager/scheduler:skep-scheduler //manager/api_server:skep-api"

has_systemd() { [ -d /run/systemd/system ]; }

# step WORDS: what happens now, and for how long the last thing took.
STEP_STARTED=
step() {
        step_done
        STEP_STARTED=$(date +%s.%N)
        printf '==> %s\n' "$*"
}
step_done() {
        [ -n "$STEP_STARTED" ] && awk -v a="$STEP_STARTED" -v b="$(date +%s.%N)" \
                'BEGIN { printf "    done in %.1f s\n", b - a }'
        STEP_STARTED=
}
say() { printf '    %s\n' "$*"; }
die() {
        printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
        exit 1
}

# quietly LOG COMMAND...: output goes to LOG and is shown when the command fails.
quietly() {
        local log=$1
        shift
        "$@" >"$log" 2>&1 && return 0
        printf '\n%s failed; the end of %s:\n' "$1" "$log" >&2
        tail -n 25 "$log" >&2
        return 1
}

# use_prefix FOLDER: installs there.  Units name it, so it may not depend on where this script was called.
use_prefix() {
        case $1 in /*) ;; *) die "--prefix needs an absolute path, like /usr/local" ;; esac
        PREFIX=$1 PROGRAMS=$1/libexec/skep
}

# packages_missing KIND...: names of the listed packages that are not installed.
packages_missing() {
        local kind name
        while read -r kind name; do
                case " $* " in *" $kind "*) ;; *) continue ;; esac
                dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$name"
        done < <(grep -v '^#' "$TOP/deploy/packages")
}

packages_install() {
        local missing
        missing=$(packages_missing "$@")
        [ -z "$missing" ] && { say "all Debian packages are there"; return 0; }
        say "installing: $missing"
        quietly /var/log/skep-packages.log apt-get update -q || return 1
        # shellcheck disable=SC2086
        quietly /var/log/skep-packages.log without_services env DEBIAN_FRONTEND=noninteractive \
                apt-get install -q -y --no-install-recommends $missing
}

# without_services COMMAND...: services of installed packages (a registry, containerd) do not start; the agent runs what it needs.
# A policy of the machine's own stays; ours goes also after Ctrl-C, and one that a killed run left is known by its mark.
without_services() (
        policy=/usr/sbin/policy-rc.d mark='# by skep, while it installs packages'
        if [ ! -e "$policy" ] || grep -qxF "$mark" "$policy"; then
                trap 'rm -f "$policy"' EXIT
                printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy" && chmod +x "$policy"
        fi
        "$@"
)

# here PID...: those that live in this script's own pid and mount namespaces.  Others have swarms too, under the same paths as they see them.
here() {
        local pid
        for pid in "$@"; do
                [ "$(readlink "/proc/$pid/ns/pid" "/proc/$pid/ns/mnt" 2>/dev/null)" = "$NAMESPACES" ] && echo "$pid"
        done
        return 0
}
NAMESPACES=$(readlink "/proc/$$/ns/pid" "/proc/$$/ns/mnt")

# ours TEXT: pids of processes here whose command line has TEXT in it, without this script and those that run it.
ours() {
        local pid
        for pid in $(pgrep -f -- "$(printf '%s' "$1" | sed 's/[][\\.*^$+?(){}|]/\\&/g')"); do
                case " $$ $PPID $BASHPID " in *" $pid "*) ;; *) here "$pid" ;; esac
        done
}

# running NAME: pids of an installed program here, also when its file was replaced meanwhile.
running() {
        local link
        for link in /proc/[0-9]*/exe; do
                case "$(readlink "$link" 2>/dev/null)" in
                "$PROGRAMS/$1" | "$PROGRAMS/$1 (deleted)") link=${link#/proc/} && here "${link%/exe}" ;;
                esac
        done
}
