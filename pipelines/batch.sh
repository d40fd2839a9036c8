#!/bin/sh
# usage: batch.sh [-t SECONDS] COMMAND [ARGUMENT]...
#
# Run COMMAND, which may be a make with others below it, where it can be
# stopped.  On SIGTERM, SIGINT or SIGUSR1, or when SECONDS have passed, all of
# them are told to stop, the last one is waited for, so that its checkpoint is
# whole, and the status is 85: run me again.  Else the status is COMMAND's.
set -u

limit=
while getopts t: option; do
	case $option in
	t) limit=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

stopped=
# shellcheck disable=SC2317
stop()
{
	stopped=1
	kill -s TERM -- "-$group" 2>/dev/null
}

# The pipe ends when the last process that has it open does: then, and not
# when COMMAND itself ends, all is written.  A queue may tell every process of
# a job to stop, but the one that waits for the others must not.
work=$(mktemp -d) && mkfifo "$work/open" || exit 1
(trap '' TERM INT USR1; exec cat "$work/open" >"$work/none") &
last=$!
setsid "$@" 9>"$work/open" &
group=$!
trap stop TERM INT USR1
timer=
if [ -n "$limit" ]; then
	# shellcheck disable=SC2016
	setsid sh -c 'sleep "$1"; kill -TERM "$2"' - "$limit" $$ &
	timer=$!
fi

# A signal ends a wait.
while kill -s 0 "$last" 2>/dev/null; do
	wait "$last"
done
[ -z "$timer" ] || kill -s TERM -- "-$timer" 2>/dev/null
wait "$group"
status=$?
rm -r "$work"
[ -z "$stopped" ] || [ "$status" -eq 0 ] || exit 85
exit "$status"
