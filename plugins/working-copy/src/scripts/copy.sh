# Makes a working copy from a cache, or what somebody has left of one into one again.
#
# $1 the cache; $2 the directory of the copies; $3 the copy's name; $4 the URL; $5 `base`, `commit` or `branch`; $6 for
# `base` the configured default or nothing, else the commit; $7 the branch's name or nothing; $8 `submodules` or nothing;
# $9 `lfs` or nothing; then pairs of what is merged: a cache, and a commit in it. For `base` they are the names of all
# copies instead, and everything else in the directory is removed; without any it stays.
# Answers `head COMMIT`.
check_tools
umask 022
cache=$(home_path "$1")
root=$2
name=$3
url=$4
target=$5
wanted=$6
branch=$7
submodules=$8
lfs=$9
shift 9
copy=$root/$name
# No copy's name begins like this.
fresh=$root/.fresh-$name

phase=prepare
[ -d "$root" ] && [ ! -L "$root" ] || refuse "$root is no directory" test -d "$root"

# Directories that nobody may write to can't be cleaned. Only these: files may be shared with the cache.
open_directories() {
    [ ! -d "$1" ] || find -P "$1" -type d ! -perm -700 -exec chmod u+rwx {} \;
}

remove() {
    open_directories "$1"
    rm -rf -- "$1"
}

if [ "$target" = base ] && [ $# -gt 0 ]; then
    for entry in "$root"/* "$root"/.[!.]* "$root"/..?*; do
        [ -e "$entry" ] || [ -L "$entry" ] || continue
        for other; do
            case $entry in "$root/$other" | "$root/.fresh-$other") continue 2 ;; esac
        done
        [ -L "$entry" ] || [ ! -d "$entry" ] || open_directories "$entry"
        try tidy rm -rf -- "$entry"
    done
    shift $#
fi

if [ -L "$copy" ] || [ ! -d "$copy" ]; then try prepare remove "$copy"; fi
try prepare mkdir -p -- "$copy"
lock_copy "$copy" "$cache"
try prepare open_directories "$copy"
# Nothing that was there is believed: not its configuration, hooks and filters, nor its index, nor its objects. The cache
# has all of it, and gives it by hard links.
try prepare rm -rf -- "$copy/.git"
try prepare remove "$fresh"
lock shared "$cache"
try cache settle "$cache"
if ! GIT_ALLOW_PROTOCOL=file git clone --quiet --local --no-checkout --template= -- "$cache" "$fresh"; then
    [ ! -d "$cache" ] || : >"$cache/suspect"
    phase=cache
    fail git clone --local --no-checkout "$cache" "$fresh"
fi
unlock "$cache"
try prepare mv -- "$fresh/.git" "$copy/.git"
try prepare remove "$fresh"
try prepare cd -- "$copy"
export GIT_DIR="$copy/.git" GIT_WORK_TREE="$copy"
try prepare git config remote.origin.url "$url"

if [ "$target" = base ]; then
    commit=
    for candidate in ${wanted:+"refs/heads/$wanted" "refs/tags/$wanted" "$wanted"} HEAD; do
        case $candidate in refs/heads/*) candidate=refs/remotes/origin/${candidate#refs/heads/} ;; esac
        commit=$(git rev-parse --verify --quiet --end-of-options "$candidate^{commit}") && break
    done
else
    commit=$wanted
fi

# The clone has made a branch of its own. Only the one that is asked for is to be there.
if [ -n "$commit" ]; then
    try checkout git update-ref --no-deref HEAD "$commit"
else
    try checkout git symbolic-ref HEAD refs/heads/main
fi
phase=checkout
git for-each-ref --format='delete %(refname)' refs/heads/ | git update-ref --stdin || fail git update-ref --stdin
if [ "$target" = branch ]; then
    try checkout git update-ref "refs/heads/$branch" "$commit"
    try checkout git symbolic-ref HEAD "refs/heads/$branch"
    try checkout git config "branch.$branch.remote" origin
    try checkout git config "branch.$branch.merge" "refs/heads/$branch"
fi

if [ -n "$commit" ]; then
    try checkout git read-tree "$commit"
    # Where a submodule was there may be anything, so it is swept away as if it were not tracked.
    phase=checkout
    git ls-files --stage | sed -n "s/^160000 \([0-9a-f]*\) 0/0 \1/p" | git update-index --index-info ||
        fail git update-index --index-info
else
    try checkout git read-tree --empty
fi
try clean git clean -ffdxq
if [ -n "$commit" ]; then
    # By their content, whatever their times say. It fails where one differs.
    git update-index -q --really-refresh || :
    try checkout git reset --quiet --hard "$commit"
fi

if [ -n "$lfs" ] || [ -n "$submodules" ]; then
    phase=prepare
    reach_remotes "$cache"
fi
if [ -n "$lfs" ]; then
    # Its objects are kept beside the cache: the copy's own are thrown away.
    setting lfs.storage "$cache.lfs"
    try lfs git lfs install --local --skip-repo
    try lfs git lfs pull
fi
if [ -n "$submodules" ]; then try submodules git submodule update --init --recursive; fi

head=$commit
while [ $# -gt 0 ]; do
    other=$(home_path "$1")
    if [ "$other" != "$cache" ]; then
        lock shared "$other"
        try cache settle "$other"
        phase=cache
        GIT_ALLOW_PROTOCOL=file git fetch --no-tags --no-write-fetch-head -- "$other" "$2" || fail git fetch "$other" "$2"
        unlock "$other"
    fi
    # The same commits merged give the same commit, however often that is repeated.
    date=$(git log -1 --format=%ct HEAD) || fail git log -1
    export GIT_AUTHOR_DATE="@$date +0000" GIT_COMMITTER_DATE="@$date +0000" GIT_AUTHOR_NAME=Drydock \
        GIT_AUTHOR_EMAIL=drydock@localhost GIT_COMMITTER_NAME=Drydock GIT_COMMITTER_EMAIL=drydock@localhost
    try merge git merge --no-edit --no-verify -- "$2"
    phase=verify
    git merge-base --is-ancestor "$2" HEAD || fail git merge-base --is-ancestor "$2" HEAD
    head=$(git rev-parse --verify HEAD) || fail git rev-parse HEAD
    [ -z "$submodules" ] || try submodules git submodule update --init --recursive
    shift 2
done

# What is handed out is what was asked for, and nothing else.
phase=verify
if [ -n "$commit" ]; then
    has=$(git rev-parse --verify HEAD) || fail git rev-parse HEAD
    [ "$has" = "$head" ] || refuse "HEAD is $has and not $head" git rev-parse HEAD
    git merge-base --is-ancestor "$commit" HEAD || refuse "$commit is not in HEAD" git merge-base --is-ancestor "$commit"
    git rev-list --quiet --objects --no-walk HEAD || fail git rev-list --objects --no-walk HEAD
fi
changes=$(git status --porcelain --ignored --untracked-files=all --ignore-submodules=none) || fail git status
[ -z "$changes" ] || refuse "it is not clean: $changes" git status --porcelain --ignored
branches=$(git for-each-ref --format='%(refname)' refs/heads/) || fail git for-each-ref
[ "$branches" = "${branch:+refs/heads/$branch}" ] || refuse "it has other branches: $branches" git for-each-ref refs/heads/
answer "head $head"
