#!/usr/bin/env bats
# h5save: what h5cols reads back is what went in.
load lib

# rows FILE..: a stream's header without notes, and its rows as text.
rows()
{
	nfcat -i "$@" | grep -v '^note'
	nfcat -t "$@"
}

# here: the files in this directory.
here()
{
	ls | grep -v '^separate-stderr' | tr '\n' ' '
}

# again STREAM OPTION...: through an HDF5 file and back, as rows does.
again()
{
	local stream=$1 dataset=data k

	shift
	for ((k = 1; k <= $#; k++)); do
		[ "${!k}" = -d ] && dataset=${*:k+1:1}
	done
	rm -f again.h5
	h5save -o again.h5 "$@" "$stream"
	h5cols --nonfinite=pass -d "$dataset" again.h5 >again.nfs
	rows again.nfs
}

@test "h5save: the way back is exact, however it is stored" {
	local o

	h5cols "$JETS" >f32.nfs
	h5make x.h5 type=f64 shape=3000x5 base=1 \
	    set=0:0.1,7:nan,11:-inf,20:5e-324,30:-0.0,40:1e308
	h5cols --nonfinite=pass x.h5 >f64.nfs
	for s in f32.nfs f64.nfs; do
		rows $s >want
		while read -r o; do
			again $s $o | cmp want - ||
			    { echo "$s $o"; return 1; }
		done <<-'END'

			--gzip
			--gzip=1 -d x
			--gzip=9 -d deep/er/table
			--group
			--group --gzip -d jets
			--group -d /
			--group -d deep/er/still
		END
	done
}

@test "h5save: tables of no row, one row, one column, many columns" {
	local shape

	for shape in 0x3 1x1 1x3 100000x1 3x20000; do
		h5make x.h5 shape=$shape type=f64
		h5cols x.h5 >x.nfs
		rows x.nfs >want
		again x.nfs | cmp want -
		again x.nfs --gzip | cmp want -
		[ $shape = 3x20000 ] || again x.nfs --group | cmp want -
	done
}

@test "h5save: rows of which there is no count before the end" {
	h5make x.h5 shape=50000x9 set=5:nan
	h5cols --nonfinite=drop x.h5 >x.nfs 2>err
	nfcat -t x.nfs >want
	again x.nfs --gzip | grep -qx 'rows	49999'
	h5cols again.h5 | nfcat -t | cmp want -
}

@test "h5save: what does not shrink is stored as it is" {
	{
		printf "\x93NUMPY\x01\x00\x76\x00%-117s\n" \
		    "{'descr': '<f8', 'fortran_order': False, 'shape': (50000, 10), }"
		head -c 4000000 /dev/urandom
	} >noise.npy
	nfcat noise.npy >x.nfs
	rows x.nfs >want
	again x.nfs --gzip | cmp want -
}

@test "h5save: names, recipe and notes are kept" {
	h5make x.h5 "names=a b,é,third" "prep=third = log" note=origin
	h5cols x.h5 >x.nfs
	h5save -o y.h5 x.nfs
	h5cols y.h5 | nfcat -i >got
	{ nfcat -i x.nfs; printf 'note\th5cols y.h5:data\n'; } | cmp - got
	h5save --group -o y.h5 -d g x.nfs
	h5cols -d g y.h5 | nfcat -i >got
	{ nfcat -i x.nfs; printf 'note\th5cols y.h5:g\n'; } | cmp - got
}

@test "h5save: more names than a short attribute holds" {
	h5make x.h5 shape=2x9000
	h5cols x.h5 | h5save -o y.h5
	cmp <(h5cols x.h5 | nfcat -t) <(h5cols y.h5 | nfcat -t)
}

@test "h5save: the same rows give the same file with any threads" {
	local o

	h5cols "$JETS" >x.nfs
	for o in --gzip=4 --group; do
		OMP_NUM_THREADS=1 h5save $o -o one.h5 x.nfs
		OMP_NUM_THREADS=4 h5save $o -o four.h5 x.nfs
		cmp one.h5 four.h5
	done
}

@test "h5save: a stream without an end leaves no file, and the old one" {
	h5cols "$JETS" >x.nfs
	echo old >y.h5
	head -c 1500000 x.nfs >cut.nfs
	run -3 --separate-stderr h5save -o y.h5 cut.nfs
	[[ "$stderr" == 'h5save: cut.nfs: stream ended early'* ]]
	[ "$(cat y.h5)" = old ]
	flip x.nfs 1400000 >bad.nfs
	run -3 h5save -o z.h5 bad.nfs
	run -3 sh -c 'h5cols nothere | h5save -o z.h5'
	echo text >text
	run -3 h5save -o z.h5 text
	[ "$(here)" = 'bad.nfs cut.nfs text x.nfs y.h5 ' ]
	h5save -o y.h5 x.nfs
	h5cols y.h5 | nfcat --check
}

@test "h5save: what cannot be written says why and leaves nothing" {
	local n o

	h5cols "$JETS" >x.nfs
	run -1 --separate-stderr h5save -o nodir/y.h5 x.nfs
	[ "$stderr" = \
	    'h5save: nodir/y.h5: cannot create: No such file or directory' ]
	for n in 1 2 8 1000 2400; do
		for o in '' --group; do
			run -1 --separate-stderr bash -c "trap '' XFSZ
			    ulimit -f $n; h5save $o -o y.h5 x.nfs"
			[[ "$stderr" == 'h5save: y.h5: cannot write: File too large' ]]
		done
	done
	run -2 --separate-stderr h5save -o /dev/full x.nfs
	[ "$(here)" = 'x.nfs ' ]
}

@test "h5save: names and paths that cannot be" {
	h5make x.h5 names=a/b,c,d
	h5cols x.h5 >x.nfs
	run -3 --separate-stderr h5save --group -o y.h5 x.nfs
	[ "$stderr" = \
	    'h5save: y.h5:data: column "a/b" cannot be the name of a dataset' ]
	h5save -o y.h5 x.nfs
	run -2 --separate-stderr h5save -d / -o y.h5 x.nfs
	[ "$stderr" = \
	    'h5save: y.h5:/: is a group and cannot be a dataset' ]
	[ "$(h5cols y.h5 | nfcat -t | head -n 1)" = 'a/b	c	d' ]
	[ "$(here)" = 'x.h5 x.nfs y.h5 ' ]
}

@test "h5save: usage" {
	run -2 --separate-stderr h5save
	[ "${stderr_lines[0]}" = 'h5save: -o FILE is missing' ]
	run -2 h5save -o y.h5 --gzip=0 x
	run -2 h5save -o y.h5 --gzip=10 x
	run -2 h5save -o y.h5 a b
	[ -z "$(here)" ]
}

# nameless PID: does that program hold a file open that has no name?
nameless()
{
	ls -l /proc/"$1"/fd 2>/dev/null | grep -q "$PWD/.*(deleted)"
}

@test "h5save: killed in the middle, it leaves nothing, and what was there" {
	local pid k

	h5make x.h5 shape=9000x40
	h5cols x.h5 >x.nfs
	echo old >y.h5
	mkfifo in
	h5save -o y.h5 in 3>&- &
	pid=$!
	exec 7>in
	head -c 1200000 x.nfs >&7
	for ((k = 0; k < 100; k++)); do
		nameless $pid || ls y.h5.* >/dev/null 2>&1 && break
		sleep 0.1
	done
	kill -KILL $pid
	wait $pid || [ $? -eq 137 ]
	exec 7>&-
	[ "$k" -lt 100 ] && [ "$(cat y.h5)" = old ]
	[ -z "$(ls y.h5.* 2>/dev/null)" ] ||
	    skip "files without a name are not known here"
}

@test "h5save: every allocation, read and write may fail, cleanly" {
	local site n o

	faults_built || skip "built without faults"
	h5make x.h5 shape=300x4
	h5cols x.h5 >x.nfs
	for o in --gzip --group; do
		h5save $o -o want.h5 x.nfs
		for site in alloc read write; do
			for ((n = 1; n < 2000; n++)); do
				rm -f y.h5
				run --separate-stderr env NF_FAULT=$site:$n \
				    h5save $o -o y.h5 x.nfs
				[ "$status" -eq 0 ] && break
				[ "$status" -eq 1 ] && [ ! -e y.h5 ]
				[ "${#stderr_lines[@]}" -eq 1 ]
			done
			[ "$n" -gt 1 ] && cmp want.h5 y.h5
		done
	done
	[ "$(here)" = 'want.h5 x.h5 x.nfs y.h5 ' ]
}
