#!/bin/bash
# What committed text does not say: work that is left over, and places of one developer's machine.
cd "$(dirname "$0")/../.." || exit 1
bad=0
git grep -nIE '\b(TODO|FIXME|XXX)\b' -- ':!tests/tidy' && bad=1
git grep -nIE '(^|[^a-zA-Z0-9_.])/(work|home/[a-z]+|Users)/' -- ':!tests/tidy' ':!*_test.c' && bad=1
exit $bad
