#!/bin/bash
# Memory and processor time of an idle node: a manager's daemons and the agent, without containerd.
set -eu
. tests/bench/lib/lib.sh

seconds=${1:-20}
if [ -z "${BENCH_INSIDE:-}" ]; then
        # shellcheck disable=SC2086
        bench_build $PROGRAM_TARGETS
        in_private $((seconds + 120)) "$0" "$@"
fi
swarm_up --executor fake
sleep 5
manager=
for name in store ca orchestrator allocator scheduler dispatcher api join mesh; do
        pid=$(pids_named "skep-$name")
        printf 'pss_mb_%s: %s MB\n' "$name" "$(awk -v k="$(pss_kb "$pid")" 'BEGIN { printf "%.1f", k / 1024 }')"
        manager="$manager $pid"
done
agent=$(pids_named skep-agent)
# shellcheck disable=SC2086
before=$(cpu_ticks $manager $agent) agent_before=$(cpu_ticks "$agent")
sleep "$seconds"
# shellcheck disable=SC2086
after=$(cpu_ticks $manager $agent) agent_after=$(cpu_ticks "$agent")
# shellcheck disable=SC2086
awk -v m="$(pss_kb $manager)" -v a="$(pss_kb "$agent")" -v t=$((after - before)) -v u=$((agent_after - agent_before)) -v s="$seconds" 'BEGIN {
        printf "manager_pss_mb: %.1f MB\nagent_pss_mb: %.1f MB\nidle_cpu_percent: %.2f %%\nagent_idle_cpu_percent: %.2f %%\n", m / 1024, a / 1024, t / s, u / s }'
load_average
