#!/bin/bash
# What decides may call nothing that acts: each library of pure.txt is partially linked with the pure ground, and what is
# still undefined must be in its list.  It may not keep anything in memory between two calls, either.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
rules=tests/tidy/pure.txt
targets=$(awk '/^\/\//{print $1}' $rules)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# shellcheck disable=SC2086
bazel build --noshow_progress $targets //api:proto 2>"$out/log" || { tail -n 30 "$out/log"; exit 1; }
archive() { # archive //a/b:c: where Bazel put it
        local path=${1#//}
        echo "build/bin/${path%:*}/lib${path#*:}.a"
}
ground=("$(archive //lib/base:base)" "$(archive //lib/message:message)" "$(archive //lib/state:state)" "$(archive //lib/placement:placement)")
protos=$(find -L build/bin/api -maxdepth 1 -name '*.a')

allowed() { # allowed NAME PATTERN...
        local name=$1 pattern
        shift
        for pattern in "$@"; do
                # shellcheck disable=SC2053
                [[ $name == $pattern ]] && return 0
        done
        return 1
}
bad=0
for target in $targets; do
        # shellcheck disable=SC2086
        ld -r -o "$out/all.o" --whole-archive "$(archive "$target")" --no-whole-archive --start-group "${ground[@]}" $protos --end-group || exit 1
        set -f
        # shellcheck disable=SC2207
        patterns=($(awk -v t="$target" '$1 == "*" || $1 == t { $1 = ""; print }' $rules))
        set +f
        for name in $(nm -u "$out/all.o" | awk '{print $2}'); do
                allowed "$name" "${patterns[@]}" || { echo "$target calls $name, which pure code may not"; bad=1; }
        done
        for name in $(nm -f sysv "$(archive "$target")" | awk -F'|' '$4 ~ /OBJECT/ && $7 ~ /\.(bss|data)($| |\.[^r])/ {print $1}'); do
                echo "$target keeps $name in memory: what is not const belongs to the caller"
                bad=1
        done
done
exit $bad
