#!/bin/bash
# All house rules, one line each; what breaks a rule is listed below its line.
cd "$(dirname "$0")" || exit 1
failed=0
for rule in layers size format words planted quirks pure; do
        if said=$(./$rule.sh 2>&1); then
                echo "ok    tidy:$rule"
        else
                printf 'FAIL  tidy:%s\n%s\n' "$rule" "$said"
                failed=1
        fi
done
exit $failed
