#!/bin/sh
# usage: sample.sh N OUT MODEL FILE.h5...
#
# Submit an array of N jobs that draw for the rows of FILE.h5..., and one that
# joins what they drew when all of them are done.  NFSAMPLE in the environment
# has more options of nfsample(1), as '-n 5 --index --seed 1'.
set -eu
[ $# -ge 4 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
NFPIPE=${NFPIPE:-$here/..}
export NFPIPE
array=$(sbatch --parsable --array="0-$(($1 - 1))" "$here/sample.sbatch" "$@")
sbatch --parsable --dependency="afterok:${array%%;*}" \
    "$here/join.sbatch" "$1" "$2"
