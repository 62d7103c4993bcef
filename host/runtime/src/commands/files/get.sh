# $1 a file, $2 the most bytes that are wanted.
for each in "-e missing" "-f special" "-r closed"; do
    [ "${each% *}" "$1" ] || {
        echo "${each#* }"
        exit
    }
done
size=$(($(wc -c <"$1"))) || exit 1
echo "file $size"
[ "$size" -gt "$2" ] || head -c "$size" "$1"
