#!/usr/bin/env bats
# nfcmp: what it finds in known samples, its limits, and what it refuses.
load lib

# table: the stream of a table in text on standard input.
table()
{
	nfcat -
}

# column NAME VALUE...: the stream of one column.
column()
{
	printf '%s\n' "$@" | table
}

# figure FILE COLUMN FIGURE: value and floor of all rows, from --tsv.
figure()
{
	awk -F '\t' -v c="$2" -v f="$3" \
	    '$1 == "-inf" && $2 == "inf" && $3 == c && $4 == f {
		print $5, $6; exit }' "$1"
}

# value FILE COLUMN FIGURE
value()
{
	figure "$@" | cut -d ' ' -f 1
}

# refuses STATUS MESSAGE ARGUMENT...: with nothing on standard output.
refuses()
{
	run "-$1" --separate-stderr nfcmp "${@:3}"
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "nfcmp: $2" ]
}

@test "nfcmp: small samples by hand" {
	column x 0 1 2 3 >a
	column x 1 2 3 10 >b
	nfcmp --tsv a b >out
	[ "$(head -n 1 out)" = "from	to	column	figure	value	floor" ]
	[ "$(value out x w1)" = 2.5 ]
	[ "$(value out x ks)" = 0.25 ]
	[ "$(value out x mean_a)" = 1.5 ]
	[ "$(value out x mean_b)" = 4 ]
	[ "$(value out '*' rows_a)" = 4 ]
	[ "$(value out '*' kept_b)" = 4 ]
	# Std of the first: sqrt(5) / 2.
	awk -v w="$(value out x w1_std)" -v s="$(value out x shift)" \
	    'BEGIN { d = 2.5 / sqrt(1.25)
		exit !((w - d) ^ 2 < 1e-20 && (s - d) ^ 2 < 1e-20) }'
}

@test "nfcmp: a sample does not differ from itself, in any order" {
	h5cols -n 3000 "$JETS" >a
	nfpermute --rows --seed 3 a >b
	nfcmp --tsv --max-w1 0 --max-ks 0 a a >same
	nfcmp --tsv -c 'Jet_*' --max-w1 0 --max-ks 0 a b >permuted
	awk -v r="$(value same '*' correlation)" 'BEGIN { exit !(r < 1e-9) }'
	[ "$(value same '*' sliced_w1)" = 0 ]
	[ "$(value permuted Jet_ptRatio ks_p)" = 1 ]
	[ "$(value same Jet_ptRatio chi2_ndf)" = 0 ]
	awk -v r="$(value same Jet_ptRatio spread)" 'BEGIN {
		exit !((r - 1) ^ 2 < 1e-18) }'
}

@test "nfcmp: the sample on standard input, either one" {
	column x 0 1 2 3 >a
	column x 1 2 3 10 >b
	nfcmp --tsv a b >want
	nfcmp --tsv a - <b | cmp - want
	nfcmp --tsv - b <a | cmp - want
	nfcmp --tsv a <(cat b) | cmp - want
}

@test "nfcmp: the page, its tables and its marks" {
	column x 0 1 2 3 >a
	column x 1 2 3 10 >b
	run -1 --separate-stderr nfcmp --max-w1 2 --max-ks 0.25 a b
	[ "$stderr" = "nfcmp: W1 in std: 1 of 1 above 2, the worst x: 2.24" ]
	[ "${lines[0]}" = "A: 4 rows" ]
	[ "${lines[1]}" = "B: 4 rows" ]
	[[ ${lines[2]} == column*W1*"in std"*floor*KS*p*chi2/ndf*floor ]]
	[[ ${lines[3]} =~ ^x\ +2\.5\ +2\.24!.*\ 0\.25\ .* ]]
	[[ ${lines[4]} == column*"mean A"*"B-A in std"*"B / A"*floor ]]
	[[ ${lines[6]} == "all columns"*floor ]]
	! grep -q ' $' <<<"$output"
}

@test "nfcmp: limits set the status" {
	column x 0 1 2 3 >a
	column x 1 2 3 10 >b
	nfcmp --max-w1 2.25 --max-ks 0.25 a b >/dev/null
	run -1 --separate-stderr nfcmp --max-ks 0.2 a b
	[ "$stderr" = "nfcmp: KS: 1 of 1 above 0.2, the worst x: 0.25" ]
	run -1 --separate-stderr nfcmp --max-ks 0.2 --max-w1 1 a b
	[ "${#stderr_lines[@]}" -eq 2 ]
	run -1 --separate-stderr nfcmp --tsv --max-w1 1 a b
	[[ ${lines[0]} == from* ]]
}

@test "nfcmp: what only several columns tell, a classifier finds" {
	awk 'BEGIN { srand(1); print "x\ty"; for (i = 0; i < 4000; i++)
	    print rand() - 0.5 "\t" rand() - 0.5 }' | table >a
	awk 'BEGIN { srand(2); print "x\ty"; for (i = 0; i < 4000; i++) {
	    x = rand() - 0.5; y = rand() / 2; print x "\t" (x < 0 ? -y : y) }
	    }' | table >b
	nfcmp --max-w1 0.1 --max-ks 0.05 --max-auc 0.8 a b >/dev/null
	run -1 --separate-stderr nfcmp --max-w1 0.1 --max-auc 0.6 a b
	[[ $stderr == "nfcmp: AUC: 1 of 1 above 0.6, the worst 0.7"* ]]
	[[ ${lines[-1]} =~ ^AUC.*0\.7[0-9]*!\ +0\.[45][0-9]*$ ]]
	nfcmp --tsv --max-auc 0.53 a a >out
	awk -v f="$(value out '*' fpd)" 'BEGIN { exit !(f ^ 2 < 1e-4) }'
	printf 'x\tw\n1\t1\n2\t2\n3\t-1\n' | table >c
	run -1 --separate-stderr nfcmp -w w --max-auc 1 c c
	[ "$stderr" = "nfcmp: AUC: 1 of 1 above 1, the worst nan" ]
}

@test "nfcmp: what cannot be told is above every limit" {
	printf 'x\tw\n1\t1\n2\t-1\n' | table >a
	run -1 --separate-stderr nfcmp -w w --max-w1 100 a a
	[ "$stderr" = "nfcmp: W1 in std: 1 of 1 above 100, the worst x: nan" ]
	[[ ${lines[3]} =~ ^x\ +-\ +-! ]]
}

@test "nfcmp: a column without spread" {
	column x 5 5 5 5 >a
	column x 5 5 5 6 >b
	nfcmp --max-w1 0 a a >/dev/null
	run -1 --separate-stderr nfcmp --max-w1 1000 a b
	[ "$stderr" = "nfcmp: W1 in std: 1 of 1 above 1000, the worst x: inf" ]
}

@test "nfcmp: weights of either sign stand for rows" {
	printf 'x\tw\n0\t2\n1\t1\n7\t1\n7\t-1\n3\t1\n' | table >a
	column x 0 0 1 3 >b
	nfcmp --tsv -w w --max-w1 0 a b >out	# b has no weights
	[ "$(value out x ks)" = 0 ]
	[ "$(value out x mean_a)" = 1 ]
	[ "$(value out x std_a)" = "$(value out x std_b)" ]
	! grep -q '	w	' out
}

@test "nfcmp: columns are found by name, and chosen" {
	printf 'x\ty\n1\t5\n2\t6\n' | table >a
	printf 'z\ty\tx\n0\t5\t1\n0\t6\t2\n' | table >b
	nfcmp --max-ks 0 a b >/dev/null
	run -0 nfcmp --tsv -c y a b
	[ "$(cut -f 3 <<<"$output" | sort -u | paste -sd ' ')" = "* column y" ]
	refuses 3 "a: no column \"z\" (the nearest is \"x\")" b a
	refuses 3 "a: no column \"q\" (the nearest is \"x\")" -c q a b
	refuses 3 "a: no column \"v\" (the nearest is \"x\")" -w v a b
	refuses 3 "a: no column \"v\" (the nearest is \"x\")" --by v:2 a b
}

@test "nfcmp --by: bins of equal numbers, and limits within them" {
	awk 'BEGIN { print "c\tx"
	    for (i = 0; i < 1000; i++) print i "\t" i % 10 }' | table >a
	awk 'BEGIN { print "c\tx"	# the same, but not where c is low
	    for (i = 0; i < 1000; i++)
		print i "\t" (i < 250 ? i % 5 : i < 500 ? 5 + i % 5 : i % 10)
	    }' | table >b
	nfcmp -c x --max-w1 0.01 a b >/dev/null
	run -1 --separate-stderr nfcmp -c x --max-w1 0.01 --by c:4 a b
	[[ $stderr == "nfcmp: W1 in std: 2 of 5 above 0.01, the worst x: "* ]]
	[ "$(grep '^c from' <<<"$output" | paste -sd /)" = \
"c from -inf to 250/c from 250 to 500/c from 500 to 750/c from 750 to inf" ]
	[ "$(grep -c '^A: 250 rows' <<<"$output")" -eq 4 ]
	nfcmp -c x --tsv --by c:2 a b | awk -F '\t' '$4 == "ks" {
	    print $1, $2, $5 }' >got
	printf '%s\n' '-inf inf 0' '-inf 500 0' '500 inf 0' | diff - got
}

@test "nfcmp --by: equal values are never parted" {
	awk 'BEGIN { print "c\tx"
	    for (i = 0; i < 100; i++) print (i < 80) "\t" i }' | table >a
	nfcmp --by c:10 a a | grep '^c from' >got
	printf '%s\n' 'c from -inf to 1' 'c from 1 to inf' | diff - got
}

@test "nfcmp: of many rows some are kept, and it says so" {
	awk 'BEGIN { print "x"; for (i = 0; i < 5000; i++) print i }' |
	    table >a
	run -0 nfcmp --rows 1000 a a
	[ "${lines[0]}" = "A: 5000 rows, compared by 1000 of them; means, \
std and correlations by all" ]
	nfcmp --tsv --rows 1000 a a >out
	[ "$(value out '*' kept_a)" = 1000 ]
	[ "$(value out x mean_a)" = 2499.5 ]
	[ "$(value out x mean_b)" = 2499.5 ]
	awk -v ks="$(value out x ks)" 'BEGIN { exit !(ks > 0 && ks < 0.1) }'
	nfcmp --tsv --rows 1000 a a | cmp - out
	nfcmp --tsv --rows 1000 --seed 1 a a >other
	! cmp -s other out
}

@test "nfcmp --json: the figures of --tsv, names as strings" {
	printf '"a ""b"""\tx\\y\tc\n0\t1\t1\n1\t1\t2\n2\t2\t3\n' | table >a
	nfcmp --json a a >out
	[ "$(head -n 1 out)" = '{"by": null, "comparisons": [' ]
	grep -qF '"from": null, "to": null, "rows": [3, 3], "kept": [3, 3]' out
	grep -qF '  "a \"b\"": {"w1": [0, ' out
	grep -qF '  "x\\y": {"w1": [0, ' out
	[ "$(tail -n 1 out | tail -c 5)" = '}}]}' ]
	# perl is what prove runs on; a JSON reader comes with it.
	nfcmp --json --by c:2 a a >by
	perl -MJSON::PP -e 'local $/; my $t = decode_json(<STDIN>);
	    print "$t->{by} ", scalar @{$t->{comparisons}}, " ",
		$t->{comparisons}[2]{from}, " ",
		$t->{comparisons}[0]{columns}{"x\\y"}{mean_a}[0] * 3, " ",
		defined $t->{comparisons}[0]{all}{fpd}[0] ? 1 : 0, "\n"
	    ' <by >got
	echo "c 3 2 4 0" | diff - got
}

@test "nfcmp: the same figures with one thread and with two" {
	h5cols -n 2000 "$JETS" >a
	h5cols -s 18000 "$JETS" >b
	OMP_NUM_THREADS=1 nfcmp --tsv --by GenJet_pt:3 a b >one
	OMP_NUM_THREADS=2 nfcmp --tsv --by GenJet_pt:3 a b >two
	cmp one two
}

@test "nfcmp: jets of the same sample stay near the floor, shifted do not" {
	h5cols -n 10000 "$JETS" >a
	h5cols -s 10000 "$JETS" >b
	nfcmp --max-w1 0.1 --max-ks 0.05 a b >/dev/null
	nfcat -t -c Jet_ptRatio b | awk 'NR > 1 { $0 *= 1.05 } 1' | table >c
	run -1 --separate-stderr nfcmp -c Jet_ptRatio --max-w1 0.1 a c
}

@test "nfcmp: values that are not finite are named" {
	printf 'x\ty\n1\t2\n1\tnan\n' | table >a
	column x 1 2 >b
	refuses 3 "a: row 1, column \"y\": nan is not finite; leave such rows \
out" a a
	nfcmp -c x a b >/dev/null
	printf 'x\n1\ninf\n' | table >a
	refuses 3 "a: row 1, column \"x\": inf is not finite; leave such rows \
out" b a
}

@test "nfcmp: empty, cut and foreign inputs" {
	column x 1 2 >a
	column x 1 | nfcat -n 0 >none
	refuses 3 "none: no rows to compare" a none
	head -c $(($(size a) - 1)) a >cut
	run -3 --separate-stderr nfcmp a cut
	[ -z "$output" ]
	[[ $stderr == "nfcmp: cut: "* ]]
	echo text >text
	run -3 --separate-stderr nfcmp text a
	run -1 --separate-stderr nfcmp a missing
	[[ $stderr == *missing* ]]
}

@test "nfcmp: more columns than can be compared" {
	awk 'BEGIN { for (i = 0; i < 513; i++) printf "%d ", i; print ""
	    }' | table >wide
	refuses 2 "wide: 513 columns, at most 512 can be compared: choose \
some with -c" wide wide
	nfcmp -c 0:3 wide wide >/dev/null
	column x 1 >a
	refuses 3 "a: no column but the weight" -w x a a
}

@test "nfcmp: wrong usage" {
	column x 1 2 >a
	refuses 2 "want two samples, A and B" a
	refuses 2 "want two samples, A and B" a a a
	refuses 2 "standard input is one sample, not both" - -
	refuses 2 "--max-w1: \"-1\" is no limit, want 0 or more" \
	    --max-w1 -1 a a
	refuses 2 "--max-ks: 'nan' is not a finite number" \
	    --max-ks nan a a
	refuses 2 "--by: \"x\", want COLUMN:N" --by x a a
	run -2 nfcmp --by x:0 a a
	run -2 nfcmp --rows 1 a a
	run -2 nfcmp --seed x a a
}

@test "nfcmp: every allocation and read may fail, cleanly" {
	faults_built || skip "needs a build with NF_FAULTS"
	h5cols -n 200 -c 0:3 "$JETS" >a
	for site in alloc read write; do
		for ((n = 1; n < 400; n += 1 + n / 12)); do
			run --separate-stderr env OMP_NUM_THREADS=1 \
			    NF_FAULT=$site:$n nfcmp --by 'GenJet_eta:2' a a
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ] && [ -n "$stderr" ]
		done
		[ "$n" -gt 1 ]
	done
}
