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
	printf 'x\tw\n1\t1\n2\t2\n3\t-4\n' | table >c
	run -1 --separate-stderr nfcmp -w w --max-auc 1 c c
	[ "$stderr" = \
	    "nfcmp: AUC: 1 of 1 above 1, the worst cannot be told" ]
}

@test "nfcmp: what cannot be told is above every limit" {
	printf 'x\tw\n1\t1\n2\t-1\n' | table >a
	run -1 --separate-stderr nfcmp -w w --max-w1 100 a a
	[ "$stderr" = "nfcmp: W1 in std: 1 of 1 above 100, the worst x: \
cannot be told" ]
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

@test "nfcmp: an AUC of weights of either sign" {
	# A third of b's rows, at 3, stand for nothing.
	awk 'BEGIN { srand(3); print "x\ty\tw"; for (i = 0; i < 6000; i++)
	    print rand() "\t" rand() "\t" 1 }' | table >a
	awk 'BEGIN { srand(4); print "x\ty\tw"; for (i = 0; i < 9000; i++) {
	    k = int(6 * rand())
	    print rand() + 3 * (k > 3) "\t" rand() "\t" (k == 5 ? -1 : 1) }
	    }' | table >b
	nfcmp --tsv -w w --max-auc 0.56 a b >out
	awk -v v="$(value out '*' auc)" 'BEGIN { exit !(v > 0.44) }'
	run -1 nfcmp --max-auc 0.6 a b		# without the weights
	! nfcmp -w w --tsv a b | grep -w auc | grep -q nan
}

@test "nfcmp: rows that come and go take no memory" {
	sanitized && skip "a sanitizer takes all addresses"
	mkmodel i.nf features=8 context=0 steps=1 weights=identity
	nfsample --rows 1000000 i.nf >big
	[ "$(size big)" -gt 32000000 ]		# and twice that as doubles
	(ulimit -v 90000; OMP_NUM_THREADS=1 \
	    nfcmp --rows 1000 --tsv big big) >out
	[ "$(value out '*' rows_b)" = 1000000 ]
	[ "$(value out '*' kept_b)" = 1000 ]
	(ulimit -v 90000; OMP_NUM_THREADS=1 nfcat big |
	    nfcmp --normal --rows 1000 --tsv -c 'x*') >out
	[ "$(value out '*' rows)" = 1000000 ]
	awk -v m="$(value out x3 mean)" 'BEGIN { exit !(m ^ 2 < 25e-6) }'
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

# normal N [SHIFT]: columns x, z0, z1, z2 of N rows, z1 shifted by SHIFT * x.
normal()
{
	awk -v n="$1" -v shift="${2:-0}" 'function g() {
		return sqrt(-2 * log(1 - rand())) * cos(6.2831853 * rand())
	    } BEGIN {
		srand(7)
		print "x\tz0\tz1\tz2"
		for (i = 0; i < n; i++) {
			x = 2 * rand() - 1
			print x "\t" g() "\t" g() + shift * x "\t" g()
		}
	    }' | table
}

@test "nfcmp --normal: by hand" {
	column z0 -1 0 1 2 >z
	nfcmp --normal --tsv z >out
	# Phi(1) = 0.841345 beside 0.5, Phi(2) = 0.97725 beside 0.75.
	awk -v k="$(value out z0 ks)" 'BEGIN {
	    exit !((k - 0.3413447460685429) ^ 2 < 1e-24) }'
	[ "$(value out z0 mean)" = 0.5 ]
	awk -v s="$(value out z0 std)" 'BEGIN {
	    exit !((s - sqrt(1.25)) ^ 2 < 1e-20) }'
	[ "$(value out '*' rows)" = 4 ]
	[ "$(cut -f 3 out | sort -u | paste -sd ' ')" = "* column z0 |z|^2" ]
	# A square of 1 is exceeded by 31.73 %, as 0.4752 is.
	column z0 -1 1 | nfcmp --normal --tsv >out
	awk -v m="$(value out '|z|^2' mean)" 'BEGIN {
	    exit !((m - 0.4752) ^ 2 < 1e-8) }'
}

@test "nfcmp --normal: normal numbers pass, others do not" {
	normal 4000 >good
	nfcmp --normal --max-ks 0.04 --max-w1 0.08 good >page
	[ "$(head -n 1 page)" = "4000 rows" ]
	[[ $(sed -n 3p page) == column*W1*floor*KS*floor*p*chi2/ndf*floor ]]
	[[ $(sed -n 9p page) == column*mean*floor*std*floor ]]
	grep -q '^largest correlation ' page
	! grep -q 'AUC\|FPD\|^B' page
	nfcmp --normal --by x:4 --max-ks 0.08 <good | grep -c '^x from' |
	    grep -qx 4
	# The mean depends on x: nothing but bins of x can tell.
	normal 4000 0.7 >bent
	nfcmp --normal --max-ks 0.08 -c z0,z1,z2 bent >/dev/null
	run -1 --separate-stderr nfcmp --normal --by x:4 --max-ks 0.1 bent
	[[ $stderr == "nfcmp: KS: "*" of 20 above 0.1, the worst z1: 0."* ]]
	nfcat -t bent | awk -v OFS='\t' 'NR > 1 { $2 *= 1.2 } 1' | table >wide
	run -1 --separate-stderr nfcmp --normal --max-w1 0.1 wide
	[[ $stderr == "nfcmp: W1 in std: 2 of 4 above 0.1, the worst "* ]]
}

@test "nfcmp --normal: text, tab-separated and JSON agree" {
	normal 500 >z
	nfcmp --normal --tsv --by x:2 z >tsv
	nfcmp --normal --json --by x:2 z >json
	perl -MJSON::PP -e 'local $/; my $t = decode_json(<STDIN>);
	    for my $c (@{$t->{comparisons}}[1, 2]) {
		print $c->{rows}, " ", $c->{kept}, " ",
		    join(",", sort keys %{$c->{all}}), " ",
		    join(",", sort keys %{$c->{columns}{z0}}), "\n" }
	    ' <json >got
	for i in 1 2; do
		echo "250 250 correlation,sliced_w1 \
chi2_ndf,chi2_p,ks,ks_p,mean,std,w1"
	done | diff - got
	awk -F '\t' '$4 == "w1" { printf "\"w1\": [%s, %s]\n", $5, $6 }' tsv |
	    sort >want
	grep -o '"w1": \[[^]]*\]' json | sort | diff want -
	nfcmp --normal --tsv --seed 1 z >other
	[ "$(value other z0 ks)" = "$(value tsv z0 ks)" ]
	[ "$(figure other z0 ks)" != "$(figure tsv z0 ks)" ]
}

@test "nfcmp --normal: weights stand for rows" {
	printf 'z0\tw\n-1\t1\n0\t2\n3\t1\n3\t-1\n1\t1\n' | table >a
	column z0 -1 0 0 1 >b
	nfcmp --normal --tsv -w w a | grep -v "kept\|rows\|chi2\|ks_p" |
	    cut -f 3-5 >got
	nfcmp --normal --tsv b | grep -v "kept\|rows\|chi2\|ks_p" |
	    cut -f 3-5 | diff got -
}

@test "nfcmp --normal: a model that ignores its conditions fails" {
	# Where y is, and how wide v, depends on x.
	awk 'function g() {
		return sqrt(-2 * log(1 - rand())) * cos(6.2831853 * rand())
	    } BEGIN {
		srand(5)
		print "x\ttrue\ty\tv"
		for (i = 0; i < 6000; i++) {
			x = 2 * rand() - 1
			n = g()
			print x "\t" x "\t" x + 0.3 * n "\t" \
			    (1 + 0.5 * x) * g() + n
		}
	    }' >heeds
	# The same rows with the x of another row, and with none.
	awk -v OFS='\t' 'NR > 1 { x = $1; $1 = last + 0; last = x } 1' heeds \
	    >mixed
	awk -v OFS='\t' 'NR > 1 { $1 = 1 } 1' heeds >still
	printf '%s\n' '[data]' 'context = x' 'target = y, v' '[prep]' \
	    '* = standardize' '[flow]' 'steps = 2' 'hidden = 16' \
	    'blocks = 1' 'bins = 8' 'tail_bound = 5' '[train]' \
	    'epochs = 12' 'batch = 128' 'lr = 5e-3' >c.cfg
	for k in heeds mixed still; do
		head -n 4001 $k | table | nftrain -q -c c.cfg -o $k.nf
		{ head -n 1 $k; tail -n 2000 $k; } | table |
		    nflogp --latent $k.nf >$k.z
		# All together every one of them is well calibrated.
		nfcmp --normal --max-ks 0.15 $k.z >/dev/null
	done
	nfcmp --normal --max-ks 0.2 --by true:4 heeds.z >/dev/null
	for k in mixed still; do
		run -1 --separate-stderr nfcmp --normal --max-ks 0.2 \
		    --by true:4 $k.z
		[[ $stderr == "nfcmp: KS: "*" of 15 above 0.2, the worst z"* ]]
	done
}

@test "nfcmp --normal: what it refuses" {
	column x 1 2 3 >a
	refuses 3 "a: no column \"z0\": want latents, as nflogp --latent \
writes them, or others chosen with -c" --normal a
	nfcmp --normal -c x a >/dev/null
	printf 'z0\tz1\n1\t2\n1\tnan\n' | table >b
	refuses 3 "b: row 1, column \"z1\": nan is not finite; leave such rows \
out" --normal b
	nfcmp --normal -c z0 b >/dev/null
	refuses 2 "--normal wants one sample" --normal b b
	refuses 2 "--max-auc does not go with --normal" --normal \
	    --max-auc 0.5 b
	nfcat -n 0 b >none
	refuses 3 "none: no rows to compare" --normal none
	refuses 3 'b: no column "q" (the nearest is "z0")' --normal --by q:2 b
	# One row, one value, and latents far out are numbers like others.
	column z0 0 | nfcmp --normal | grep -q '^z0 '
	column z0 0 0 0 0 | nfcmp --normal --tsv | grep -qP 'z0\tks\t0.5\t'
	column z0 3e38 -3e38 | nfcmp --normal --tsv >out
	! grep -E 'w1|	ks|mean' out | grep -q 'nan\|inf.*inf.*inf'
}

@test "nfcmp: more columns than can be compared" {
	awk 'BEGIN { for (i = 0; i < 513; i++) printf "%d ", i; print ""
	    }' | table >wide
	refuses 2 "wide: 513 columns, at most 512 can be compared: choose \
some with -c" wide wide
	nfcmp -c 0:3 wide wide >/dev/null
	awk 'BEGIN { for (i = 0; i < 513; i++) printf "z%d ", i; print ""
	    }' | table >wide
	refuses 2 "wide: 513 columns, at most 512 can be compared: choose \
some with -c" --normal wide
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
	refuses 2 "one kind of output at a time" --tsv --json a a
	run -2 nfcmp --by x:0 a a
	run -2 nfcmp --rows 1 a a
	run -2 nfcmp --seed x a a
}

# fails_cleanly ARGUMENT...: nfcmp does, at whatever site.
fails_cleanly()
{
	for site in alloc read write; do
		for ((n = 1; n < 400; n += 1 + n / 12)); do
			run --separate-stderr env OMP_NUM_THREADS=1 \
			    NF_FAULT=$site:$n nfcmp --by GenJet_eta:2 "$@"
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ] && [ -n "$stderr" ]
		done
		[ "$n" -gt 1 ]
	done
}

@test "nfcmp: every allocation and read may fail, cleanly" {
	faults_built || skip "needs a build with NF_FAULTS"
	h5cols -n 200 -c 0:3 "$JETS" >a
	fails_cleanly a a
	fails_cleanly --normal -c 0,2 a
}
