#!/bin/bash
# .clang-format decides (tables are fenced with clang-format off); shell scripts parse; no tabs, no space at a line's end.
cd "$(dirname "$0")/../.." || exit 1
bad=0
git ls-files '*.[ch]' | xargs clang-format --dry-run 2>&1 | grep 'warning:' | cut -d: -f1 | sort | uniq -c |
        sed 's/^ *\([0-9]*\) \(.*\)/\2: \1 places that clang-format -i would change/' | grep . && bad=1
git grep -nIE '[[:space:]]+$' -- '*.[ch]' '*.proto' '*.sh' '*.md' '*.yaml' BUILD '*/BUILD' ':!*.patch' && bad=1
git grep -nIP '\t' -- '*.[ch]' '*.proto' && bad=1
for script in $(git grep -lE '^#!/bin/(ba)?sh'); do bash -n "$script" || bad=1; done
exit $bad
