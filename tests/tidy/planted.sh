#!/bin/bash
# Every planted bug still applies to the sources as they are: one that does not tests nothing.
cd "$(dirname "$0")/../.." || exit 1
bad=0
for patch in tests/sim/*/mutants/*.patch; do
        said=$(git apply --check "$patch" 2>&1) || { printf '%s:\n%s\n' "$patch" "$said"; bad=1; }
done
exit $bad
