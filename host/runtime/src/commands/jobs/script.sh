# What is done on a thing for its jobs, in the language of a POSIX shell. $1 is what is to be done, $2 the job's record.
#
# Records lie in one directory. That of a running or ended job is a directory named by the job's key:
#   claim.N   the N-th that undertook to run it: the number, birth and boot of its watcher; the last one counts
#   started   it was about to run: its timeout, limit and notes; a claimant that died without this has run nothing
#   program   the number, birth and boot of the program, which leads a process group of its own
#   output.1, output.2   what it printed, up to somewhat more than the limit
#   late      its timeout is over
#   exit      how it ended: "code N", "signal NAME", "late", or "lost" where its watcher was lost before
#   script    this text
#   over      a pipe that the last claimant holds open to its end, for those who wait for that
# The directory "new-RECORD.NONCE" is that of a start under way, "gone-RECORD.NONCE" a cancelled record that is being
# removed, with "cancelled" in it: whoever is about to run something looks for that after having said who he is.
#
# All names begin with dry_, so that no variable that is meant for the program is lost.

# When a process was born, as one word; nothing of one that has ended. With the boot it tells a process apart from a later
# one of the same number.
dry_birth() {
    if [ -r /proc/self/stat ]; then
        # The name in it may contain anything, also ends of lines.
        dry_stat=''
        while read -r dry_line; do
            dry_stat="$dry_stat $dry_line"
        done 2>/dev/null <"/proc/$1/stat"
        [ -n "$dry_stat" ] || return 1
        set -- ${dry_stat##*) }
        case $1 in Z* | X* | x*) return 1 ;; esac
        echo "${20}"
    else
        set -- $(LC_ALL=C TZ=UTC0 ps -o stat= -o lstart= -p "$1" 2>/dev/null)
        case $1 in '' | Z*) return 1 ;; esac
        shift
        dry_stat=$*
        echo "$dry_stat" | tr ' ' _
    fi
}

# A reboot makes another word of it, and so does starting a container anew.
dry_boot() {
    dry_id=''
    [ ! -r /proc/sys/kernel/random/boot_id ] || read -r dry_id </proc/sys/kernel/random/boot_id
    echo "$dry_id/$(dry_birth 1)"
}

dry_self() {
    echo "$$ $(dry_birth $$) $(dry_boot)"
}

# Whether the process that a file names lives. Sets dry_pid, dry_born and dry_in.
dry_lives() {
    dry_pid='' dry_born='' dry_in=''
    [ -r "$1" ] && read -r dry_pid dry_born dry_in <"$1"
    [ -n "$dry_in" ] && [ "$(dry_birth "$dry_pid")" = "$dry_born" ] && [ "$(dry_boot)" = "$dry_in" ]
}

# State, parent and group of all processes.
dry_processes() {
    if [ -r /proc/self/stat ]; then
        cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^.*) //'
    else
        ps -A -o stat= -o ppid= -o pgid=
    fi
}

dry_group_lives() {
    # Of most that have ended, nobody is there any more.
    if ! dry_said=$(LC_ALL=C kill -s 0 -- "-$1" 2>&1); then
        case $dry_said in *'No such process'*) return 1 ;; esac
    fi
    dry_processes | awk -v group="$1" '$3 == group && $1 !~ /^[ZX]/ { found = 1 } END { exit !found }'
}

dry_nap() {
    sleep 0.1 2>/dev/null || sleep 1
}

# Kills the group whose leader a file names, and waits until it is gone. With a second argument it is asked to end first,
# and has two seconds for that.
dry_end() {
    if ! dry_lives "$1"; then
        # A leader's number is given to no other process as long as there is its group.
        [ -n "$dry_in" ] && [ -z "$(dry_birth "$dry_pid")" ] && [ "$(dry_boot)" = "$dry_in" ] || return 0
    fi
    dry_group_lives "$dry_pid" || return 0
    if [ -n "$2" ]; then
        kill -s TERM -- "-$dry_pid" 2>/dev/null
        dry_left=20
        while [ "$dry_left" -gt 0 ] && dry_group_lives "$dry_pid"; do
            dry_nap
            dry_left=$((dry_left - 1))
        done
    fi
    dry_left=100
    while dry_group_lives "$dry_pid"; do
        kill -s KILL -- "-$dry_pid" 2>/dev/null
        [ "$dry_left" -gt 0 ] || return 1
        dry_nap
        dry_left=$((dry_left - 1))
    done
}

# Ends and removes what was cancelled.
dry_bury() {
    for dry_grave in "gone-$1".*; do
        [ -d "$dry_grave" ] || continue
        (
            cd "$dry_grave" 2>/dev/null || exit 0
            echo >cancelled
            dry_end program ask || exit 1
            for dry_claim in claim.*; do
                dry_end "$dry_claim" || exit 1
            done
            dry_end program
        ) || return 1
        rm -rf "$dry_grave"
    done
}

# Takes what it is given until it ends: a file gets somewhat more than the limit of it.
dry_take() {
    dry_had=0
    while [ "$dry_had" -le "$2" ]; do
        dd bs=65536 count=1 >>"$1" 2>/dev/null || break
        [ -s "$1" ] || return 0
        dry_has=$(($(wc -c <"$1")))
        [ "$dry_has" -gt "$dry_had" ] || return 0
        dry_had=$dry_has
    done
    cat >/dev/null
}

dry_size() {
    [ -s "$1" ] && echo $(($(wc -c <"$1"))) || echo 0
}

# Waits for the end of the watcher, for so many seconds at most.
dry_await() {
    [ "$1" != 0 ] && [ -p over ] || return 0
    # Whoever opens a pipe for reading waits for a writer, and the last one may have ended meanwhile; so this is one itself
    # until it reads.
    (exec 7<>over 8<over 7>&- && read -r dry_nothing <&8) </dev/null >/dev/null 2>&1 &
    dry_reader=$!
    (
        trap 'kill "$!"; exit' TERM
        sleep "$1" &
        wait "$!"
        kill "$dry_reader"
    ) </dev/null >/dev/null 2>&1 &
    dry_clock=$!
    wait "$dry_reader" 2>/dev/null
    kill "$dry_clock" 2>/dev/null
    wait "$dry_clock" 2>/dev/null
}

# How the job in this directory fares, after so many seconds of waiting at most.
dry_tell() {
    dry_claim=0
    while [ -e "claim.$((dry_claim + 1))" ]; do
        dry_claim=$((dry_claim + 1))
    done
    [ -e exit ] || ! dry_lives "claim.$dry_claim" || dry_await "$1"
    if [ ! -e exit ]; then
        if dry_lives "claim.$dry_claim"; then
            echo running
            return
        fi
        if [ ! -e started ]; then
            echo unknown
            return
        fi
        # It may have ended since.
        if [ ! -e exit ]; then
            dry_end program
            dry_end "claim.$dry_claim"
            echo lost >exit.$$ && mv exit.$$ exit
        fi
    fi
    dry_one=$(dry_size output.1) dry_two=$(dry_size output.2)
    read -r dry_exit <exit && read -r dry_notes <started || return
    printf '%s\n' ended "$dry_exit" "$dry_notes" "$dry_one $dry_two"
    [ "$dry_one" = 0 ] || head -c "$dry_one" output.1
    [ "$dry_two" = 0 ] || head -c "$dry_two" output.2
}

case $XDG_STATE_HOME in
/*) dry_base=$XDG_STATE_HOME/drydock/jobs ;;
*) dry_base=${HOME:-$(pwd)}/.local/state/drydock/jobs ;;
esac
dry_record=$2
case $1 in
start)
    # A nonce, the length of its input, how long to wait, timeout, limit, notes and directory; then the program.
    dry_new=new-$2.$3 dry_length=$4 dry_wait=$5
    dry_timeout=$6 dry_limit=$7 dry_notes=$8 dry_directory=$9
    shift 9
    case $dry_directory in
    /*) ;;
    *) dry_directory=$(pwd)/$dry_directory ;;
    esac
    dry_umask=$(umask)
    umask 077
    mkdir -p "$dry_base" && cd "$dry_base" && mkdir "$dry_new" &&
        { [ "$dry_length" = 0 ] && : || cat; } >"$dry_new/input" &&
        printf '%s\n' "$dry_text" >"$dry_new/script" || {
        echo failed
        exit
    }
    # Of a connection that was lost, less arrives.
    [ "$(dry_size "$dry_new/input")" -eq "$dry_length" ] || {
        rm -rf "$dry_new"
        echo short
        exit
    }
    exec 2>/dev/null
    for dry_other in new-*; do
        [ "$dry_other" = "$dry_new" ] || {
            find . ! -name . -prune -name 'new-*' -mtime +1 -exec rm -rf {} +
            break
        }
    done
    dry_bury "$dry_record" || {
        rm -rf "$dry_new"
        echo stays
        exit
    }
    if command -v setsid >/dev/null 2>&1; then
        dry_how=setsid
    elif command -v perl >/dev/null 2>&1; then
        dry_how=perl
    else
        dry_how=monitor
    fi
    set -- sh "$dry_new/script" watch "$dry_record" "$dry_new" "$dry_timeout" "$dry_limit" "$dry_notes" \
        "$dry_directory" "$dry_umask" "$dry_how" "$@"
    case $dry_how in
    setsid) set -- setsid "$@" ;;
    perl) set -- perl -e 'setpgrp(0, 0); exec { $ARGV[0] } @ARGV' "$@" ;;
    esac
    dry_answer=again dry_tries=20
    while [ "$dry_answer" = again ] && [ "$dry_tries" -gt 0 ]; do
        # What a shell starts in the background is deaf to INT and QUIT, and so would be the program. So the watcher is
        # in the foreground, of a shell that is killed as soon as it has answered.
        dry_answer=$(sh -c '
            [ "$1" != monitor ] || set -m
            shift
            "$@" 3>&- | {
                read -r dry_answer
                echo "$dry_answer" >&3
                kill -s KILL $$
            }' drydock-job "$dry_how" "$@" 3>&1 </dev/null 2>/dev/null)
        dry_tries=$((dry_tries - 1))
    done
    [ ! -e "$dry_new" ] || rm -rf "$dry_new"
    echo "$dry_answer"
    case $dry_answer in started | attached) cd "$dry_record" 2>/dev/null && dry_tell "$dry_wait" || echo unknown ;; esac
    ;;
watch)
    dry_new=$3 dry_timeout=$4 dry_limit=$5 dry_notes=$6 dry_directory=$7 dry_umask=$8 dry_how=$9
    shift 9
    dry_answer() {
        echo "$1"
        exit
    }
    # What has made a session has made a group.
    if [ "$dry_how" != setsid ]; then
        dry_processes | awk -v group=$$ '$3 == group { found = 1 } END { exit !found }' || dry_answer group
    fi
    exec 3<"$dry_new/input" || dry_answer cancelled
    dry_self >"$dry_new/claim" || dry_answer failed
    mkdir "$dry_record" 2>/dev/null
    cd "$dry_record" 2>/dev/null || dry_answer again
    dry_claim=1
    until ln "../$dry_new/claim" "claim.$dry_claim" 2>/dev/null; do
        [ -e "../$dry_new/claim" ] || dry_answer cancelled
        [ -e "claim.$dry_claim" ] || dry_answer again
        ! dry_lives "claim.$dry_claim" || dry_answer attached
        [ ! -e started ] || dry_answer attached
        dry_claim=$((dry_claim + 1))
    done
    [ ! -e cancelled ] || dry_answer again
    (cd "$dry_directory") 2>/dev/null || dry_answer directory
    [ "$dry_claim" = 1 ] || rm -f pipe.1 pipe.2 over
    mkfifo pipe.1 pipe.2 over && : >output.1 && : >output.2 && mv "../$dry_new/script" script || dry_answer failed
    exec 6<>over
    echo "$dry_timeout $dry_limit $dry_notes" >started.part && mv started.part started || dry_answer failed
    echo started
    exec >/dev/null 2>report
    rm -rf "../$dry_new"
    (
        exec 3<&- 6>&-
        sleep "$dry_timeout"
        echo >late
        dry_end program
    ) &
    dry_take output.1 "$dry_limit" <pipe.1 3<&- 6>&- &
    dry_out=$!
    dry_take output.2 "$dry_limit" <pipe.2 3<&- 6>&- &
    dry_err=$!
    exec 4>pipe.1 5>pipe.2
    rm -f pipe.1 pipe.2
    set -- sh ./script run "$dry_record" "$dry_directory" "$dry_umask" "$@"
    case $dry_how in
    setsid) set -- setsid "$@" ;;
    perl) set -- perl -e 'setpgrp(0, 0); exec { $ARGV[0] } @ARGV' "$@" ;;
    monitor) set -m ;;
    esac
    : >report
    (exec "$@" <&3 >&4 2>&5 3<&- 4>&- 5>&- 6>&-)
    dry_code=$?
    [ "$dry_how" != monitor ] || set +m
    exec 3<&- 4>&- 5>&-
    # A shell has one number for an exit code and for a signal, but says so of a signal, unless it is INT or PIPE.
    if [ -e late ]; then
        dry_exit=late
    elif [ "$dry_code" -gt 128 ] && { [ -s report ] || [ "$dry_code" = 130 ] || [ "$dry_code" = 141 ]; }; then
        dry_exit="signal $(kill -l "$dry_code")"
    else
        dry_exit="code $dry_code"
    fi
    # What the program left running keeps its output open; that is not waited for.
    trap : TERM
    (
        exec 6>&-
        sleep 5
        kill -s TERM 0
    ) &
    wait "$dry_out" "$dry_err"
    kill -s TERM 0
    echo "$dry_exit" >exit.part && mv exit.part exit
    rm -f report over
    ;;
run)
    dry_self >program.part && mv program.part program || exit 125
    [ ! -e cancelled ] && [ ! -e late ] || exit 125
    umask "$4"
    cd "$3" || exit 125
    shift 4
    exec "$@"
    ;;
poll)
    # How many seconds to wait.
    if cd "$dry_base/$dry_record" 2>/dev/null; then
        dry_tell "$3"
    else
        echo unknown
    fi
    ;;
cancel)
    # A nonce, and further records.
    dry_nonce=$3
    cd "$dry_base" 2>/dev/null || {
        echo gone
        exit
    }
    shift 3
    for dry_record in "$dry_record" "$@"; do
        rm -rf "new-$dry_record".*
        [ ! -d "$dry_record" ] || mv "$dry_record" "gone-$dry_record.$dry_nonce"
        dry_bury "$dry_record" || {
            echo stays
            exit
        }
    done
    echo gone
    ;;
esac
