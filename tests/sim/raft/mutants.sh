#!/bin/bash
# A test of the simulator: plants one fault at a time in the Raft core and expects some seed to show it.
#   mutants.sh [SEEDS [NAME...]]      from the root of the tree; prints the first seed that fails for each
set -eu
seeds=${1:-1500}
shift || true
names=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=gnu17 -D_GNU_SOURCE -O2 -I.)
base=(mem vec random err heap)
survivors=0

compile() { # root source object
        (cd "$1" && "${CC:-gcc}" "${flags[@]}" -I"$OLDPWD" -c "$2" -o "$3")
}

mkdir "$work/sound" "$work/tree"
sources=(manager/store/raft/*.c tests/sim/raft/*.c "${base[@]/#/lib/base/}")
for source in "${sources[@]}"; do
        source=${source%.c}.c
        compile . "$source" "$work/sound/$(basename "$source" .c).o" &
        while (($(jobs -rp | wc -l) >= 2)); do wait -n; done
done
wait

if ((${#names[@]} == 0)); then
        for patch in tests/sim/raft/mutants/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
for name in "${names[@]}"; do
        patch=tests/sim/raft/mutants/$name.patch
        file=$(sed -n 's|^+++ b/||p' "$patch")
        rm -rf "$work/tree" "$work/mutant"
        mkdir -p "$work/tree/$(dirname "$file")" "$work/mutant"
        cp "$file" "$work/tree/$file"
        patch -s -p1 -d "$work/tree" <"$patch"
        cp "$work"/sound/*.o "$work/mutant"
        compile "$work/tree" "$file" "$work/mutant/$(basename "$file" .c).o"
        "${CC:-gcc}" "$work"/mutant/*.o -lm -o "$work/mutant/raft_sim"
        if "$work/mutant/raft_sim" --seeds "$seeds" --failures 1 >"$work/log" 2>&1; then
                echo "SURVIVES  $name"
                survivors=$((survivors + 1))
        else
                echo "caught    $name: $(head -1 "$work/log")"
        fi
done
echo "${#names[@]} faults planted, $survivors survive"
((survivors == 0))
