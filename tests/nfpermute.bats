#!/usr/bin/env bats
# nfpermute: shuffle rows; choose and reorder columns; undo both.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	seq 1 20000 | awk -v OFS='\t' 'BEGIN { print "a", "b", "c", "d" }
	    { print $1, $1 % 7, -$1, $1 / 4 }' | nfcat >piped
	nfcat piped >whole			# whose rows are counted
}

# wrong MESSAGE ARGUMENT...: status 2 and the message.
wrong()
{
	run -2 --separate-stderr nfpermute "${@:2}"
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "nfpermute: $1" ]
}

# names FILE: its columns.
names()
{
	nfcat -i "$1" | sed -n 's/^column\t//p' | tr '\n' ' '
}

@test "--rows: other rows in other places, all of them" {
	nfpermute --rows whole >shuffled
	[ "$(nfcat --sum shuffled)" = "$(nfcat --sum whole)" ]
	nfcat -t -c a shuffled | tail -n +2 >got
	! sort -nc got 2>/dev/null
	sort -n got | cmp - <(seq 1 20000)
	# Rows stay whole.
	nfcat -t shuffled | tail -n +2 | awk '$2 != $1 % 7 || $3 != -$1 ||
	    $4 != $1 / 4 { exit 1 }'
	# About one row in its place, and none forgotten at either end.
	[ "$(paste got <(seq 1 20000) | awk '$1 == $2' | wc -l)" -lt 12 ]
}

@test "--rows: --inverse with the same seed restores the order" {
	for seed in 0 1 4242424242; do
		nfpermute --rows --seed $seed whole >shuffled
		nfpermute --rows --seed $seed --inverse shuffled |
		    cmp - whole
		nfpermute --rows --seed $seed --inverse whole |
		    nfpermute --rows --seed $seed | cmp - whole
	done
	nfpermute --rows --seed 7 --inverse shuffled >other
	! cmp -s other whole
}

@test "--rows: the seed decides, and 1 is the seed" {
	nfpermute --rows whole >one
	nfpermute --rows --seed 1 whole | cmp one
	nfpermute --rows <piped | cmp one
	! cmp -s one <(nfpermute --rows --seed 2 whole)
}

@test "--memory: the order is the same where files are needed" {
	nfpermute --rows whole >want
	nfpermute --rows --inverse <piped >undone
	for m in 2000 20K 300k 1M 1G; do
		nfpermute --rows --memory $m whole | cmp - want
		nfpermute --rows --memory $m --inverse want | cmp - whole
		# A writer that does not know how many rows will come.
		nfpermute --rows --memory $m < <(cat piped) | cmp - want
		nfpermute --rows --memory $m --inverse < <(cat piped) |
		    cmp - undone
	done
	# The files have no names, and stand where TMPDIR says.
	mkdir here
	TMPDIR=$PWD/here nfpermute --rows --memory 20K whole | cmp - want
	[ -z "$(ls -A here)" ]
	run -1 --separate-stderr env TMPDIR=/nowhere nfpermute --rows \
	    --memory 20K whole
	[ "$stderr" = "nfpermute: /nowhere: cannot make a temporary file: No \
such file or directory (TMPDIR says where)" ]
	[ -z "$output" ]
}

@test "--memory is kept to" {
	sanitized && skip "the sanitizer takes more"
	nfcat whole whole whole whole whole whole whole whole >large
	# The limit on addresses leaves room for the program, not the table.
	(ulimit -v $((1 << 20)); nfpermute --rows --memory 1M large) >got
	cmp got <(nfpermute --rows large)
}

@test "--columns: chosen, reversed, and back" {
	run -0 names <(nfpermute --columns=d,a whole)
	[ "$output" = "d a " ]
	run -0 names <(nfpermute --columns='c,*' whole)
	[ "$output" = "c a b d " ]
	run -0 names <(nfpermute --columns=reverse whole)
	[ "$output" = "d c b a " ]
	nfpermute --columns=reverse whole | nfpermute --columns=reverse \
	    --inverse | cmp - whole
	nfpermute --columns=2,0,3,1 whole >other
	[ "$(names other)" = "c a d b " ]
	nfpermute --columns=2,0,3,1 --inverse other | cmp - whole
	nfpermute --columns=d,a whole | nfcat -t | cmp - \
	    <(nfcat -t -c d,a whole)
}

@test "--columns=random: by seed, and back" {
	for seed in 1 2 3 4 5 6 7 8; do
		nfpermute --columns=random --seed $seed whole >other
		nfcat -c a,b,c,d other | cmp - whole
		names other
		echo
		nfpermute --columns=random --seed $seed --inverse other |
		    cmp - whole
	done >orders
	[ "$(sort -u orders | wc -l)" -gt 3 ]
}

@test "rows and columns at once, and back" {
	nfpermute --rows --columns=random --seed 9 whole >other
	nfpermute --columns=random --seed 9 whole |
	    nfpermute --rows --seed 9 | cmp - other
	nfpermute --rows --columns=random --seed 9 --inverse other |
	    cmp - whole
	nfpermute --rows --columns=b,d whole | nfcat -t | cmp - \
	    <(nfpermute --rows whole | nfcat -t -c b,d)
}

@test "f32, compressed input, prep and notes" {
	{
		forge NFSH 0 -1 't:nfstream 1\ntype f32\ncolumn a\ncolumn b
prep a = log\nprep b = scale 2\nnote from here\n'
		forge NFSD 1 2 zstd:f:1,2,3,4
		forge NFSE 0 2 ''
	} >notes
	run -0 nfcat -i <(nfpermute --rows notes)
	[ "$output" = "$(nfcat -i notes)" ]
	run -0 nfcat -i <(nfpermute --columns=b notes)
	[ "$output" = "$(nfcat -i -c b notes)" ]
	nfpermute --rows notes | nfpermute --rows --inverse | nfcat -t |
	    cmp - <(nfcat -t notes)
}

@test "no rows and one row" {
	for n in 0 1; do
		nfcat -n $n whole >few
		for o in '' '--memory 1' --inverse '--inverse --memory 1'; do
			nfpermute --rows $o few | cmp - few
		done
	done
}

@test "a damaged input leaves nothing behind it" {
	for bad in 100 30000 600000; do
		head -c $bad whole >part
		run -3 --separate-stderr nfpermute --rows part
		[ -z "$output" ]
		[[ $stderr == "nfpermute: part: stream ended early: "* ]]
		run -3 --separate-stderr nfpermute --rows --memory 20K part
		[ -z "$output" ]
	done
}

@test "usage" {
	wrong 'nothing to do: want --rows or --columns' whole
	wrong 'nothing to do: want --rows or --columns' --inverse whole
	wrong 'one FILE at most' --rows whole whole
	wrong "--seed: '-1' is not a whole number from 0 to \
18446744073709551615" --rows --seed -1
	wrong "names do not say where columns stood: the inverse needs \
positions" --columns=a,b,c,d --inverse whole
	wrong '2 of 4 columns have no inverse' --columns=0,1 --inverse whole
	run -2 --separate-stderr nfpermute --rows --memory x whole
	[[ $stderr == "nfpermute: --memory: "* ]]
	run -3 --separate-stderr nfpermute --columns=e whole
	[ "$stderr" = 'nfpermute: whole: no column "e" (the nearest is "a")' ]
	run -1 --separate-stderr nfpermute --rows nowhere
	[ "$stderr" = "nfpermute: nowhere: No such file or directory" ]
}
