# Every #include "..." against layers.txt, the first file: "file:line may not include what" for each that its row does not allow.
function covers(name, path) {
        if (sub(/\*$/, "", name)) return index(path, name) == 1
        return index(path, name "/") == 1 || path == name ".h" || path == name ".c"
}
function folder(path) { sub("/[^/]*$", "", path); return path }
function meaning(word) { return word in lets ? lets[word] : " " word }
FILENAME == ARGV[1] {
        if (/^#/ || !NF) next
        if ($1 == "let") {
                for (i = 3; i <= NF; i++) lets[$2] = lets[$2] meaning($i)
                next
        }
        may = ""
        for (i = NF; $i != ":"; i--) may = may meaning($i)
        for (i--; i > 0; i--) rows[$i] = may " "
        next
}
FNR == 1 {
        row = ""
        for (name in rows) if (covers(name, FILENAME) && length(name) > length(row)) row = name
        if (row == "") print FILENAME ":1 is in no row of " ARGV[1]
        n = split(rows[row], allowed, " ")
}
/^#include "/ {
        split($0, part, "\"")
        if (folder(part[2]) == folder(FILENAME)) next
        for (i = 1; i <= n; i++) if (covers(allowed[i], part[2])) next
        print FILENAME ":" FNR " may not include " part[2] " (row '" row "')"
}
