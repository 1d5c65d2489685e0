#!/bin/bash
# Every include against layers.txt.
cd "$(dirname "$0")/../.." || exit 1
! git ls-files '*.[ch]' | xargs awk -f tests/tidy/layers.awk tests/tidy/layers.txt | grep .
