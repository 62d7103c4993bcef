# $1 a directory, $2 a name in it, $3 a mode, $4 the length of the input, which becomes the file, $5 a nonce.
umask 077
cd "$1" 2>/dev/null || {
    [ -d "$1" ] && echo closed || echo missing
    exit
}
[ ! -d "./$2" ] || {
    echo directory
    exit
}
part=.drydock-$5
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$part" || exit 1
# Of a connection that was lost, less arrives.
[ "$(($(wc -c <"$part")))" -eq "$4" ] || {
    echo short
    exit
}
chmod "$3" "$part" && mv -f "$part" "./$2" && echo done
