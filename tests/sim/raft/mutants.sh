#!/bin/bash
# A test of the tests: plants one fault at a time in the Raft core and expects a seed of the simulator, or else a unit
# test, to show it.  Prints what did.
#   mutants.sh [SEEDS [NAME...]]      from the root of the tree
set -eu
seeds=${1:-300}
shift || true
names=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=gnu17 -D_GNU_SOURCE -O2)
core=manager/store/raft
units=tests/unit/manager/store/raft
base=(lib/base/{mem,vec,random,err,heap}.c)
survivors=0

compile() { # root source folder: into an object there
        (cd "$1" && "${CC:-gcc}" "${flags[@]}" -I. -I"$root" -c "$2" -o "$3/$(basename "$2" .c).o")
}

link() { # output, folders of objects
        local output=$1 objects=()
        shift
        for folder; do objects+=("$folder"/*.o); done
        "${CC:-gcc}" "${objects[@]}" -lm -lcmocka -o "$output" || exit 2
}

by_simulator() {
        link "$work/raft_sim" "$work/core" "$work/base" "$work/sim"
        ! "$work/raft_sim" --seeds "$seeds" --failures 1 >"$work/log" 2>&1
}

by_unit_test() {
        local test name

        for test in "$root"/$units/*_test.c; do
                name=$(basename "$test" .c)
                link "$work/unit_test" "$work/core" "$work/base" "$work/unit" "$work/$name"
                if ! "$work/unit_test" >"$work/log" 2>&1; then
                        sed -i -n "s/.*FAILED  \] \([a-z_]*\)$/$name: \1/p" "$work/log"
                        return 0
                fi
        done
        return 1
}

root=$PWD
mkdir "$work"/{core,base,sim,unit,sound}
for source in $core/*.c; do compile . "$source" "$work/sound"; done
for source in "${base[@]}"; do compile . "$source" "$work/base"; done
for source in tests/sim/raft/*.c; do compile . "$source" "$work/sim"; done
compile . $units/server.c "$work/unit"
for test in $units/*_test.c; do
        mkdir "$work/$(basename "$test" .c)"
        compile . "$test" "$work/$(basename "$test" .c)"
done

# Without a fault nothing may be found.
cp "$work"/sound/*.o "$work/core"
if by_unit_test || seeds=10 by_simulator; then
        cat "$work/log"
        exit 2
fi

if ((${#names[@]} == 0)); then
        for patch in tests/sim/raft/mutants/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
for mutant in "${names[@]}"; do
        patch=tests/sim/raft/mutants/$mutant.patch
        file=$(sed -n 's|^+++ b/||p' "$patch")
        rm -rf "$work/tree"
        mkdir -p "$work/tree/$core"
        cp "$file" "$work/tree/$file"
        patch -s -p1 -d "$work/tree" <"$patch"
        cp "$work"/sound/*.o "$work/core"
        compile "$work/tree" "$file" "$work/core"
        if by_simulator; then
                echo "simulator  $mutant: $(head -1 "$work/log")"
        elif by_unit_test; then
                echo "unit test  $mutant: $(head -1 "$work/log")"
        else
                echo "SURVIVES   $mutant"
                survivors=$((survivors + 1))
        fi
done
echo "${#names[@]} faults planted, $survivors survive"
((survivors == 0))
