#!/bin/bash
# Each rule notices what it is for: a copy of the tree's text with one planted violation makes it fail, and without it pass.
set -u
cd "$(dirname "$0")/../.." || exit 1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$copy"
cd "$copy" && git init -q && git add -A || exit 1
bad=0

# notices RULE FILE TEXT: the rule fails while FILE ends in TEXT.
notices() {
        cp "$2" kept || { bad=1; return; }
        printf '%b' "$3" >>"$2"
        if tests/tidy/"$1".sh >/dev/null 2>&1; then
                echo "$1 does not notice: $3 (in $2)"
                bad=1
        fi
        cp kept "$2"
}
for rule in layers size format words planted quirks; do
        tests/tidy/$rule.sh || { echo "$rule fails on the tree as it is"; bad=1; }
done
notices layers lib/base/str.c '#include "lib/os/loop.h"\n'
notices layers manager/scheduler/ranking.c '#include "manager/allocator/allocator.h"\n'
notices layers manager/orchestrator/replicated.c '#include "lib/os/log.h"\n'
notices size lib/base/str.c "static void f(void)\n{\n$(printf '        f();\\n%.0s' $(seq 61))}\n"
notices size lib/base/str.c "static void f(void)\n{\n$(for i in 1 2 3 4; do printf "%*sif (f)\\\\n" $((i * 8)) ''; done)}\n"
notices size lib/base/str.c "$(printf '\\n%.0s' $(seq 500))"
notices format lib/base/str.c 'int  f( void );\n'
notices format lib/base/str.c 'int f(void); \n'
notices words lib/base/str.c '/* TO''DO: all of it */\n'
notices words lib/base/str.c '/* see /wo''rk/notes */\n'
notices planted tests/sim/raft/mutants/vote_for_short_log.patch '@@ -1,1 +1,1 @@\n-gone\n+new\n'
notices quirks docs/quirks.md '| x | `orchestrator/no_such_case` |\n'
notices quirks docs/quirks.md '| x | `tests/unit/lib/state/task_life_test.c:no_such_test` |\n'
exit $bad
