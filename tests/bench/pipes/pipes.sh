# make bench-pipes: sh pipes.sh PIPELINES [COPIES [RUNS [TSV]]]
# COPIES of the bundled jets (20,000 rows, 2.5 MB each) are the data; each
# figure is the best of RUNS.  A ratio stands beside the floor wanted of it.
set -eu
pipelines=$1 copies=${2:-120} runs=${3:-3} tsv=${4:-/dev/null}
PATH=$BUILD/bin:$BUILD/tests/bench:$BUILD/tests/util:$PATH
t=$(mktemp -d "${TMPDIR:-/tmp}/pipes-XXXXXX")
trap 'rm -rf "$t"' EXIT INT TERM
jets=
while [ "$copies" -gt 0 ]; do
	jets="$jets $pipelines/data/jets.h5"
	copies=$((copies - 1))
done
h5cols $jets >"$t/a.nfs"
h5save -o "$t/gzip.h5" --gzip "$t/a.nfs"
h5save -o "$t/chunk.h5" "$t/a.nfs"
pipeutil h5read "$t/chunk.h5" "$t/flat.h5"
bytes=$(wc -c <"$t/a.nfs")
values=$((bytes / 4))

# seconds COMMAND: of a shell line, the best of some.
seconds()
{
	pipeutil best "$runs" sh -c "$1"
}

# line NAME FIGURE UNIT CEILING WHAT FLOOR: the ratio is FIGURE / CEILING.
line()
{
	awk -v n="$1" -v v="$2" -v u="$3" -v c="$4" -v w="$5" -v f="$6" \
	    -v tsv="$tsv" 'BEGIN {
		r = v / c
		good = f > 0 ? r >= f : r <= -f
		sign = f > 0 ? ">=" : "<="
		printf("%-33s %8.4g %-5s %-28s %6.2f  %s %.3g%s\n", n, v, u,
		    w, r, sign, f > 0 ? f : -f, good ? "" : "  MISSED")
		printf("%s\t%.6g\t%s\t%.6g\t%.4f\t%.4g\n", n, v, u, c, r,
		    f) >>tsv
	}'
}

# rate SECONDS: bytes of the table in GB/s.
rate()
{
	awk -v s="$1" -v b="$bytes" 'BEGIN { print b / s / 1e9 }'
}

echo "table of $bytes bytes, $(nproc) cores, best of $runs"
bare=$(rate "$(seconds "pipeutil source $bytes | pipeutil sink")")
echo "bare pipe, 1 MiB: $bare GB/s"
own=$(rate "$(seconds "pipeutil h5read $t/gzip.h5")")
line "h5cols, shuffle + gzip" \
    "$(rate "$(seconds "h5cols $t/gzip.h5 | pipeutil sink")")" GB/s "$own" \
    "of libhdf5's own reading" 3
line "h5cols, contiguous" \
    "$(rate "$(seconds "h5cols $t/flat.h5 | pipeutil sink")")" GB/s "$bare" \
    "of the bare pipe" 0.8
line "h5cols, plain chunks" \
    "$(rate "$(seconds "h5cols $t/chunk.h5 | pipeutil sink")")" GB/s "$bare" \
    "of the bare pipe" 0.8
line "nfcat --check" "$(rate "$(seconds "nfcat --check $t/a.nfs")")" GB/s 1 \
    "a core" 2
line "nfcat | nfcat" \
    "$(rate "$(seconds "nfcat $t/a.nfs | nfcat >/dev/null")")" GB/s "$bare" \
    "of the bare pipe" 0.6
# A shuffle through files writes and reads each row once, here by way of the
# page cache; where that has no room (as in a small control group) a shuffle
# goes past it, which cat does not.
disk=$(rate "$(seconds "cat $t/a.nfs >$t/b; sync -d $t/b; cat $t/b")")
rm -f "$t/b"
export TMPDIR="$t"
line "nfpermute --rows, files" \
    "$(rate "$(seconds "nfpermute --rows --memory 32M $t/a.nfs")")" GB/s \
    "$disk" "of a copy to disk and back" 0.8
nfpermute --rows --memory 32M "$t/a.nfs" >"$t/p.nfs"
line "nfpermute --rows --inverse, files" "$(rate "$(seconds \
    "nfpermute --rows --inverse --memory 32M $t/p.nfs")")" GB/s "$disk" \
    "of a copy to disk and back" 0.8
nfpermute --rows --inverse --memory 32M "$t/p.nfs" | cmp - "$t/a.nfs"
rm -f "$t/p.nfs"
line "nfhist, every column, 1 thread" "$(awk -v v="$values" -v s="$(seconds \
    "OMP_NUM_THREADS=1 nfhist -c '*' $t/a.nfs")" \
    'BEGIN { print v / s / 1e6 }')" M/s 1 "values, a core" 100
for p in h5cols h5save nfcat nfprep nfpermute nftrain nfsample nflogp \
    nfmodel nfhist nfcmp; do
	s=$(pipeutil median 20 $p --version)
	line "$p --version" "$(awk -v s="$s" 'BEGIN { print s * 1e3 }')" ms 1 \
	    "median of 20" -5
done
mkmodel "$t/m.nf" features=17 context=14 steps=17 hidden=298 blocks=10 \
    bins=128
awk 'BEGIN { for (j = 0; j < 14; j++) printf("y%d%s", j, j < 13 ? "," : "\n")
    for (j = 0; j < 14; j++) printf("0%s", j < 13 ? "," : "\n") }' |
    nfcat >"$t/one.nfs"
line "nfsample, jets model, one row" \
    "$(seconds "nfsample $t/m.nf $t/one.nfs")" s 1 "weights of 192 MB" -0.5

# first_step COMMAND: seconds from the start of a pipe to training's; and in
# file delivered those that this very pipe took to deliver its last row.
first_step()
{
	best=1e9
	i=0
	while [ "$i" -lt "$runs" ]; do
		begin=$(date +%s.%N)
		{ sh -c "$1"; date +%s.%N >"$t/end"; } |
		    nftrain -c "$pipelines/jets-small.cfg" \
		    -o "$t/s.nf" --max-time 0.001 2>"$t/err"
		best=$(awk -v b="$best" -v from="$begin" \
		    -v to="$(cat "$t/end")" -v file="$t/delivered" '
		    /^ready after/ && $3 < b {
			b = $3
			print to - from >file
		    }
		    END { print b }' "$t/err")
		i=$((i + 1))
	done
	echo "$best"
}

# What is left when the last row has come: the rest of the fit, rows that
# validate through the recipe, the epoch's order.  The others follow in the
# first epoch.
first=$(first_step "h5cols $t/gzip.h5")
line "nftrain, first step" "$first" s \
    "$(seconds "h5cols $t/gzip.h5 | nfcat --check")" \
    "of the pipe's delivery" -1.2
line "nftrain, ready / delivered" "$first" s "$(cat "$t/delivered")" \
    "of the same pipe's delivery" -1.2
for rate in 50 100 200 400; do
	line "nftrain, first step, $rate MB/s" \
	    "$(first_step "pipeutil pace $rate $t/a.nfs")" s \
	    "$(seconds "pipeutil pace $rate $t/a.nfs | nfcat --check")" \
	    "of the pipe's delivery" -1.2
done
