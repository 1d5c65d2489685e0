#!/bin/bash
# Files, functions and nesting that are too large (size.awk), but for what size.txt has always excused.
cd "$(dirname "$0")/../.." || exit 1
! diff <(grep -v '^#' tests/tidy/size.txt | sort) <(git ls-files '*.[ch]' | xargs awk -f tests/tidy/size.awk | sort) |
        sed -n 's/^> /too large: /p; s/^< /size.txt excuses what is no longer so: /p' | grep .
