#!/bin/bash
# Every case that docs/quirks.md names is there.
cd "$(dirname "$0")/../.." || exit 1
bad=0
for name in $(grep '^|' docs/quirks.md | grep -oE '`[a-z_]+/[^` ]+`' | tr -d '`'); do
        case $name in
        tests/*:*) grep -q "^static void ${name#*:}(void" "${name%%:*}" ;;
        mutants/*) [ -f "tests/sim/cluster/$name.patch" ] ;;
        *) [ -f "tests/golden/$name.yaml" ] ;;
        esac || { echo "docs/quirks.md names $name, which is not there"; bad=1; }
done
exit $bad
