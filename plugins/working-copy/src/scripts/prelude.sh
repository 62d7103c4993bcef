# What the scripts share. They run under any POSIX sh. All that varies comes as an argument or in a variable of the
# environment, and is never a part of the script.
#
# On stdout they answer with lines: a word, a blank, and the rest. A failure is the two lines `phase` and `command`, the
# complaint on stderr, and the exit status 3.
set -u
exec 3>&1 1>&2

answer() { printf '%s\n' "$1" >&3; }

fail() {
    answer "phase $phase"
    answer "command $*"
    exit 3
}

# Runs a command; if it fails, that is the end.
try() {
    phase=$1
    shift
    "$@" || fail "$@"
}

# Says why there is nothing more to do, where no command has said it.
refuse() {
    printf '%s\n' "$1"
    shift
    fail "$@"
}

# A variable of git's that the user's shell has set would make our commands mean something else.
for variable in $(env | sed -n 's/^\(GIT_[A-Z0-9_]*\)=.*/\1/p'); do unset "$variable"; done
unset variable CDPATH SSH_ASKPASS
LC_ALL=C
# Whoever had the account before may have written its configuration, so none of it counts.
GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0
export LC_ALL GIT_CONFIG_NOSYSTEM GIT_ATTR_NOSYSTEM GIT_CONFIG_GLOBAL GIT_TERMINAL_PROMPT

settings=0
# Settings go by the environment, so that no command line shows them, and every git below has them.
setting() {
    eval "export GIT_CONFIG_KEY_$settings=\$1 GIT_CONFIG_VALUE_$settings=\$2"
    settings=$((settings + 1))
    export GIT_CONFIG_COUNT=$settings
}
setting core.hooksPath /dev/null
setting core.attributesFile /dev/null
setting core.excludesFile /dev/null
setting core.fsmonitor false
setting core.askPass ''
setting credential.helper ''
setting commit.gpgSign false
setting submodule.recurse false
setting fetch.recurseSubmodules false
# Packs are shared with the copies by hard links, a thousand loose objects would be a thousand of these.
setting fetch.unpackLimit 1
# What goes on after the command would hold the lock, or work without it.
setting gc.autoDetach false
setting maintenance.autoDetach false
# A remote that says nothing any more is one that can't be reached.
setting http.lowSpeedLimit 100
setting http.lowSpeedTime 60

check_tools() {
    phase=tools
    command -v git >/dev/null || refuse 'there is no git here' git version
    version=$(git version) || fail git version
    set -- $(printf '%s\n' "$version" | sed -n 's/^git version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    if [ "${1:-0}" -lt 2 ] || { [ "$1" -eq 2 ] && [ "${2:-0}" -lt 31 ]; }; then
        refuse "$version is too old: 2.31 or newer is needed" git version
    fi
}

home_path() {
    case $1 in
        '~/'*) printf '%s/%s\n' "$HOME" "${1#'~/'}" ;;
        *) printf '%s\n' "$1" ;;
    esac
}

# Makes a cache's configuration anew, since everybody with this account can write to it.
settle() {
    version=0 format=
    if grep -qi 'objectformat *= *sha256' "$1/config" 2>/dev/null; then
        version=1 format='[extensions]
	objectFormat = sha256
'
    fi
    rm -rf -- "$1/hooks" "$1/info" "$1/objects/info/alternates" "$1/objects/info/http-alternates" "$1/commondir" \
        "$1/config.worktree" || return
    printf '[core]\n\trepositoryformatversion = %s\n\tbare = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n%s' \
        "$version" "$format" >"$1/config.$$" && mv -f -- "$1/config.$$" "$1/config"
}

# How remotes are reached: $1 is the cache, beside which the known hosts are written.
reach_remotes() {
    GIT_ALLOW_PROTOCOL=$DRYDOCK_PROTOCOLS
    GIT_SSH_COMMAND='ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=30'
    GIT_SSH_COMMAND="$GIT_SSH_COMMAND -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
    if [ -n "${DRYDOCK_KNOWN_HOSTS:-}" ]; then
        # Another blueprint may use the same cache, and know others.
        known=$1.$(printf '%s' "$DRYDOCK_KNOWN_HOSTS" | cksum | tr -cd 0-9).known_hosts
        printf '%s\n' "$DRYDOCK_KNOWN_HOSTS" >"$known.$$" && mv -f -- "$known.$$" "$known" || fail mv "$known"
        export known
        # The variable is for the shell that git starts it with.
        GIT_SSH_COMMAND="$GIT_SSH_COMMAND"' -o "UserKnownHostsFile=\"$known\"" -o GlobalKnownHostsFile=none'
    fi
    case ${DRYDOCK_GIT_SECRET:+$DRYDOCK_GIT_LOGIN} in
        key)
            # From here on the agent has it, which ends with this script.
            phase=credential
            printf '%s\n' "$DRYDOCK_GIT_SECRET" | ssh-add -q - || fail ssh-add -
            unset DRYDOCK_GIT_SECRET
            GIT_SSH_COMMAND="$GIT_SSH_COMMAND -o IdentityFile=none"
            ;;
        password)
            # Only for the server that it is meant for: a submodule may be somewhere else. Its text names the variable, and
            # the shell that runs it has the value.
            setting "credential.$DRYDOCK_GIT_SERVER.helper" \
                '!f() { test "$1" = get || exit 0; printf "username=%s\npassword=%s\n" "$DRYDOCK_GIT_USER" "$DRYDOCK_GIT_SECRET"; }; f'
            ;;
    esac
    export GIT_ALLOW_PROTOCOL GIT_SSH_COMMAND
}

# Locks a cache: `exclusive` for who changes it, `shared` for who reads it. Whatever happens to this script, the lock ends
# with it and with what it has started.
lock() {
    phase=lock
    mkdir -p -- "${2%/*}" || fail mkdir -p "${2%/*}"
    if command -v flock >/dev/null; then
        exec 9>>"$2.lock" || fail flock "$2.lock"
        case $1 in
            exclusive) flock -x 9 || fail flock -x "$2.lock" ;;
            *) flock -s 9 || fail flock -s "$2.lock" ;;
        esac
    else
        link_lock "$2"
    fi
}

unlock() {
    if command -v flock >/dev/null; then exec 9>&-; else rm -f -- "$1.held"; fi
}

# Locks the copy $1, so that what another try has begun and goes on with is never met. Whoever has not much time does not
# wait for that one, and says so by its exit status. Nothing lies in the copy for it, or beside it: that is swept. $2 is its
# cache.
lock_copy() {
    phase=lock
    if command -v flock >/dev/null; then
        exec 8<"$1" || fail flock "$1"
        case ${DRYDOCK_HASTE:-} in
            '') flock -x 8 || fail flock -x "$1" ;;
            *) flock -n -x 8 || exit 4 ;;
        esac
    else
        mkdir -p -- "${2%/*}" || fail mkdir -p "${2%/*}"
        link_lock "$2.$(printf '%s' "$1" | cksum | tr -cd 0-9)" "${DRYDOCK_HASTE:-}" || exit 4
    fi
}

# Where there is no flock: a link beside $1 that names the process that holds it, and when that one was started. With $2
# a process that lives is not waited for. A script holds two at most: what it locked first, and what last.
link_lock() {
    trap 'for held in "$held_first" "$held_last"; do case $(readlink "$held") in "$$ "*) rm -f -- "$held" ;; esac; done' EXIT
    trap 'exit 143' HUP INT TERM
    held=$1.held
    held_first=${held_first:-$held} held_last=$held
    me="$$ $(ps -o lstart= -p $$)"
    until ln -s "$me" "$held" 2>/dev/null; do
        holder=$(readlink "$held") || continue
        if [ "$(ps -o lstart= -p "${holder%% *}")" = "${holder#* }" ]; then
            [ -z "${2:-}" ] || return 1
        else
            # Its holder is dead. One of those who see that may remove it, if it still is the same by then.
            if mkdir "$held.broken" 2>/dev/null; then
                [ "$(readlink "$held")" != "$holder" ] || rm -f -- "$held"
                rmdir "$held.broken"
            else
                find "$held.broken" -prune -mmin +2 -exec rmdir {} \; 2>/dev/null
            fi
        fi
        sleep 1
    done
}
