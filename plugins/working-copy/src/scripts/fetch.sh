# Brings a cache up to date and finds what is wanted in it.
#
# $1 the cache; $2 the URL; $3 `strict` or `lenient`; then pairs: what kind of name, and the name.
# Answers `found INDEX COMMIT BRANCH` for each pair, the branch only where the remote's HEAD was asked for; `missing KIND NAME` before a failure because there is no such thing;
# `stale REASON` where the remote did not answer, and the cache did.
check_tools
umask 077
cache=$(home_path "$1")
url=$2
strict=$3
shift 3
lock exclusive "$cache"
phase=prepare
reach_remotes "$cache"

rm -rf -- "$cache.new"
if [ -e "$cache/suspect" ]; then
    # Somebody could not read it.
    git --git-dir="$cache" fsck --full --no-dangling || rm -rf -- "$cache"
    rm -f -- "$cache/suspect"
fi
cloned=
if [ ! -d "$cache" ]; then
    answer "contact clone"
    try clone git clone --bare --template= -- "$url" "$cache.new"
    try prepare settle "$cache.new"
    try prepare mv -- "$cache.new" "$cache"
    cloned=yes
else
    # What a fetch that died in the middle has left in the way is nobody's: the lock is ours.
    try prepare find "$cache" -name '*.lock' -type f -exec rm -f -- {} +
    try prepare settle "$cache"
fi
export GIT_DIR="$cache"

find_commit() {
    case $1 in
        commit) name=$2 ;;
        branch) name=refs/heads/$2 ;;
        head) name=HEAD ;;
        ref)
            case $2 in
                refs/*) name=$2 ;;
                *)
                    name=refs/tags/$2
                    git rev-parse --verify --quiet --end-of-options "$name^{commit}" && return
                    name=refs/heads/$2
                    ;;
            esac
            ;;
    esac
    git rev-parse --verify --quiet --end-of-options "$name^{commit}"
}

# Whether the remote has to be asked at all: a commit is what it is.
asks=no
[ "$strict" = lenient ] || asks=yes
index=1
while [ $index -lt $# ]; do
    eval "kind=\${$index} value=\${$((index + 1))}"
    [ "$kind" = commit ] && find_commit commit "$value" >/dev/null || asks=yes
    index=$((index + 2))
done

down=
# Asks the remote; what it says if it does not answer counts only where the cache has no answer either.
ask() {
    phase=$1
    shift
    [ -z "$down" ] || return 1
    answer "contact $phase"
    "$@" && return
    [ "$strict" = lenient ] || fail "$@"
    down=$phase
    complaint="$*"
    return 1
}

if [ "$asks" != no ] && [ -z "$cloned" ]; then
    ask fetch git fetch --prune --force --no-tags --no-write-fetch-head -- "$url" \
        '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' || :
fi

index=0
while [ $# -gt 0 ]; do
    kind=$1 value=$2
    shift 2
    if [ "$asks" != no ] && [ -z "$down" ]; then
        case $kind:$value in
            ref:refs/heads/* | ref:refs/tags/*) ;;
            ref:refs/*)
                answer "contact fetch"
                try find git fetch --force --no-tags --no-write-fetch-head -- "$url" "+$value:$value"
                ;;
            head:*)
                if ask fetch git ls-remote --symref -- "$url" HEAD >"$cache.head"; then
                    head=$(sed -n 's/^ref: \(refs\/heads\/[^[:blank:]]*\)[[:blank:]]*HEAD$/\1/p' "$cache.head")
                    [ -z "$head" ] || try prepare git symbolic-ref HEAD "$head"
                fi
                rm -f -- "$cache.head"
                ;;
        esac
    fi
    phase=find
    commit=$(find_commit "$kind" "$value")
    if [ -z "$commit" ] && [ "$kind" = commit ] && [ "$asks" != no ] && [ -z "$down" ]; then
        # It may be on no branch any more. Under a name of ours it is kept.
        answer "contact fetch"
        try find git fetch --no-tags --no-write-fetch-head -- "$url" "+$value:refs/drydock/$value"
        commit=$(find_commit "$kind" "$value")
    fi
    if [ -z "$commit" ]; then
        # What the remote said, if it said nothing good.
        if [ -n "$down" ]; then
            phase=$down
            fail "$complaint"
        fi
        answer "missing $kind $value"
        [ "$kind" != branch ] || value=refs/heads/$value
        refuse "the remote has no such $kind" git rev-parse --verify "$value^{commit}"
    fi
    # What HEAD stands for is checked out as the branch that it is.
    branch=
    [ "$kind" != head ] || branch=$(git symbolic-ref --quiet --short HEAD) || branch=
    answer "found $index $commit $branch"
    index=$((index + 1))
done
[ -z "$down" ] || answer "stale $complaint"
