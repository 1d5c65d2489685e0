# Sizes of C files as clang-format leaves them: one line per thing that is too big, "file what size".
# A table inside a function does not count as lines of it.
# Functions begin at a line "{" in column one and end at a line "}"; a control statement's depth is its indent.
BEGIN { FILE_MAX = 500; FUNCTION_MAX = 60; NESTING_MAX = 3 }
function file_done() { if (lines > FILE_MAX) print file, "file", lines }
FNR == 1 { file_done(); file = FILENAME; inside = 0; name = "?" }
{ lines = FNR }
!inside && /^[A-Za-z_].*\(/ && !/;$/ && !/^#/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
/^{/ { inside = 1; from = FNR; deepest = 0; table = rows = 0 }
inside && /^ +static const .*= \{$/ { table = 1 }
table { rows++ }
table && /^ +};$/ { table = 0 }
inside && /^ +(if|for|while|switch|do)( |\()/ && !/;$/ {
        match($0, /^ */)
        if (RLENGTH % 8 == 0 && RLENGTH / 8 > deepest) deepest = RLENGTH / 8
}
inside && /^}/ {
        if (FNR - from - 1 - rows > FUNCTION_MAX) print file, name "()", FNR - from - 1 - rows
        if (deepest > NESTING_MAX) print file, name "():nesting", deepest
        inside = 0
}
END { file_done() }
