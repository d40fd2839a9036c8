#!/bin/sh
# usage: shard.sh draw I N OUT MODEL FILE.h5...
#        shard.sh join N OUT
#
# Draw for the I-th of N parts of the rows of FILE.h5..., from 0: writes
# OUT.I-of-N.  Then join the parts, in their order, to OUT: the same bytes for
# any N.  NFSAMPLE in the environment has more options of nfsample(1).
# A file appears under its name when it is whole.
set -eu

case ${1-} in
draw)
	part=$4.$2-of-$3 shard=$2/$3 model=$5
	shift 5
	# shellcheck disable=SC2086
	h5cols "$@" | nfsample ${NFSAMPLE-} --shard "$shard" "$model" \
	    >"$part.tmp"
	mv "$part.tmp" "$part"
	;;
join)
	n=$2 out=$3
	set --
	while [ $# -lt "$n" ]; do
		set -- "$@" "$out.$#-of-$n"
	done
	# Of one file, nfcat knows how many rows it will write.
	nfcat "$@" >"$out.joined"
	nfcat "$out.joined" >"$out.tmp"
	mv "$out.tmp" "$out"
	rm "$out.joined" "$@"
	;;
*)
	sed -n '2,/^#$/s/^# //p' "$0" >&2
	exit 2
	;;
esac
