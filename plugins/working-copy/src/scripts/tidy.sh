# Removes what lies beside the copies. $1 their directory; then their names.
phase=tidy
root=$1
shift
[ -d "$root" ] && [ ! -L "$root" ] || refuse "$root is no directory" test -d "$root"
for entry in "$root"/* "$root"/.[!.]* "$root"/..?*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    for name; do
        case $entry in "$root/$name" | "$root/.fresh-$name") continue 2 ;; esac
    done
    [ -L "$entry" ] || [ ! -d "$entry" ] || find -P "$entry" -type d ! -perm -700 -exec chmod u+rwx {} \;
    try tidy rm -rf -- "$entry"
done
