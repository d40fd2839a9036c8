#!/usr/bin/env bats
# nfhist: what it draws, of known tables; and what it refuses.
load lib

# table: the stream of a table in text, tab-separated, on standard input.
table()
{
	nfcat -
}

# column NAME: the stream of a column of numbers on standard input.
column()
{
	{ echo "$1"; cat; } | table
}

# field N: that field of the tab-separated lines after the first.
field()
{
	tail -n +2 | cut -f "$1"
}

# refuses STATUS MESSAGE ARGUMENT...: with nothing on standard output.
refuses()
{
	run "-$1" --separate-stderr nfhist "${@:3}"
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "nfhist: $2" ]
}

@test "nfhist: a bar a bin, longest for the fullest" {
	printf '%s\n' 0.5 1.5 1.5 2.5 2.5 2.5 2.5 | column x >x
	run -0 --separate-stderr nfhist -b 3 --range 0:3 --width 40 x
	[ -z "$stderr" ]
	diff - <(echo "$output") <<-'END'
	x                              bins of 1
	█ sample     7 entries  mean 1.929
	 from                              count
	    0 ██████▊                          1
	    1 █████████████▌                   2
	    2 ███████████████████████████      4
	END
}

@test "nfhist: a reference, its mark, the ratio and its error" {
	printf '%s\n' 0.5 1.5 1.5 1.5 | column x >x
	printf '%s\n' 0.5 0.5 1.5 1.5 0.5 0.5 1.5 1.5 | column x >r
	run -0 nfhist -b 2 --range 0:2 --width 76 -r r x
	diff - <(echo "$output") <<-'END'
	x                                                                  bins of 1
	█ sample     4 entries  mean 1.25  std 0.433
	┃ reference  8 entries  mean 1  std 0.5  scaled to equal area
	 from                                         count       ratio  0.5  1  1.5
	    0 ████████████▋            ┃                  1  0.50 ±0.56  ●────┼─
	    1 █████████████████████████┃████████████      3  1.50 ±1.15  ─────┼────●
	KS 0.25 p 0.99  W1 0.25
	END
	run -0 nfhist -b 2 --range 0:2 --width 76 --unscaled -r r x
	[[ ${lines[2]} != *scaled* ]]
	[[ ${lines[4]} == *" 0.25 ±0.28 "* ]]
}

@test "nfhist: ASCII alone, and pulls" {
	printf '%s\n' 0.5 1.5 1.5 1.5 | column x >x
	printf '%s\n' 0.5 0.5 1.5 1.5 | column x >r
	run -0 nfhist -b 2 --range 0:2 --width 60 --ascii --pull -r r x
	diff - <(echo "$output") <<-'END'
	x                                                  bins of 1
	# sample     4 entries  mean 1.25  std 0.433
	| reference  4 entries  mean 1  std 0.5
	 from                              count   pull  -5   0   +5
	    0 #########         |              1   -0.6      o+
	    1 ##################|########      3   +0.4       o
	KS 0.25 p 1  W1 0.25
	END
	nfhist --ascii -r r x | LC_ALL=C grep '[^ -~]' >bad || true
	diff /dev/null bad
}

@test "nfhist: what lies beside the bins has lines of its own" {
	printf '%s\n' -9 0.5 2 2.5 nan inf -inf nan | column x >x
	printf '%s\n' 0.5 inf | column x >r
	run -0 nfhist -b 2 --range 0:2 --width 60 --ascii -r r x
	diff - <(echo "$output") <<-'END'
	x                                                  bins of 1
	# sample     4 entries  mean -1  std 4.677
	| reference  1 entry  mean 0.5  std 0  scaled to equal area
	 from                                     count        ratio
	  < 0                                         1
	    0 #########                         |     1  0.25 +-0.35
	    1 #########                               1
	  > 2                                         1
	  nan reference: 0                            2
	  inf reference: 1                            2
	KS 0.5 p 0.9  W1 0.583
	END
}

@test "nfhist: --tsv, all numbers whole" {
	printf '%s\n' -9 0.25 0.25 1 2 2.5 nan inf | column x >x
	printf '%s\n' 0 1 1 1.5 1.5 1.5 | column x >r
	run -0 nfhist -b 0,0.5,2 --tsv x
	diff - <(echo "$output" | tr '\t' ' ') <<-'END'
	column low high count error reference reference_error ratio ratio_error
	x -inf 0 1 1 nan nan nan nan
	x 0 0.5 2 1.4142135623730951 nan nan nan nan
	x 0.5 2 2 1.4142135623730951 nan nan nan nan
	x 2 inf 1 1 nan nan nan nan
	x nan nan 1 1 nan nan nan nan
	x -inf inf 1 1 nan nan nan nan
	END
	run -0 nfhist -b 0,0.5,2 --tsv -r r x
	[ "$(field 6 <<<"$output" | tr '\n' ' ')" = "0 1 5 0 0 0 " ]
	[ "$(field 8 <<<"$output" | tr '\n' ' ')" = "nan 2 0.4 nan nan nan " ]
}

@test "nfhist: counts as awk counts" {
	seq 1 5000 | awk '{ print ($1 * 7919 % 5003 - 900) / 256 }' >text
	awk '{ k = $1 == 10 ? 95 : int(($1 + 2) * 8) } $1 >= -2 { n[k]++ }
	    END { for (k = 0; k < 96; k++) print n[k] + 0 }' text >want
	column x <text | nfhist -b 96 --range -2:10 --tsv |
	    awk 'NR > 2 && $2 != "nan" && $3 != "inf" { print $4 }' >got
	diff want got
}

@test "nfhist: several columns, in the order asked for, by any name" {
	printf 'a\tb\tc\n1\t2\t3\n1\t2\t4\n' | table >t
	[ "$(nfhist --tsv t | field 1 | uniq | tr '\n' ' ')" = "a b c " ]
	[ "$(nfhist --tsv -c c,0 t | field 1 | uniq | tr '\n' ' ')" = "c a " ]
	run -0 nfhist --columns='[ab]' t
	[ "$(grep -c '^█' <<<"$output")" -eq 2 ]
	[ "$(grep -c '^$' <<<"$output")" -eq 1 ]
}

@test "nfhist: several files are one table, each in its own order" {
	printf 'a\tb\n1\t10\n2\t20\n' | table >1
	printf 'z\tb\ta\n7\t30\t3\n' | table >2
	printf 'a\tb\n1\t10\n2\t20\n3\t30\n' | table >all
	cmp <(nfhist 1 2) <(nfhist all)
	cmp <(nfhist - 2 <1) <(nfhist <all)
	printf 'b\n1\n' | table >2
	refuses 3 '2: no column "a" (the nearest is "b")' 1 2
}

@test "nfhist: few values get a bin each, and strangers are told" {
	for ((k = 0; k < 10; k++)); do
		printf '%s\n' 0 2 2 6 6 6
	done >text
	column x <text >r
	{ cat text; echo 1.5; echo 7; } | column x >x
	run -0 nfhist --tsv r
	[ "$(field 2 <<<"$output" | tr '\n' ' ')" = "-inf 0 2 6 6 nan -inf " ]
	[ "$(field 3 <<<"$output" | tr '\n' ' ')" = "0 0 2 6 inf nan inf " ]
	[ "$(field 4 <<<"$output" | tr '\n' ' ')" = "0 10 20 30 0 0 0 " ]
	run -0 nfhist --width 60 --ascii r
	diff - <(echo "$output") <<-'END'
	x
	# sample     60 entries  mean 3.667  std 2.427
	value                                                  count
	    0 ################                                    10
	    2 ###############################                     20
	    6 ###############################################     30
	END
	# Rows that come after those that choose the bins.
	{ yes '2' | head -n 140000; echo 1.5; echo 3; } | column x >x
	run -0 nfhist --tsv x
	[ "$(field 4 <<<"$output" | tr '\n' ' ')" = "1 140000 1 0 0 " ]
	{ yes $'2\n4' | head -n 140000; echo 1.5; echo 3; } | column x >x
	run -0 nfhist x
	[ "$(awk '$1 == "between" { print $NF }' <<<"$output")" = 1 ]
}

@test "nfhist: bins are round, and far tails are left out" {
	seq 0 9999 | awk '{ print $1 / 4096 } END { print 1e9 }' |
	    column x >x
	run -0 nfhist --tsv x
	[ "$(field 2 <<<"$output" | sed -n 2p)" = 0 ]
	[ "$(field 3 <<<"$output" | sed -n 2p)" = 0.1 ]
	[ "$(field 4 <<<"$output" | tail -n 3 | head -n 1)" = 1 ]
	run -0 nfhist -b 8 x
	[[ ${lines[0]} == "x "*"  bins of 0.3063" ]]	# of 0 to 2.45
	run -0 nfhist -b 8 --range 1: --tsv x
	[ "$(field 2 <<<"$output" | sed -n 2p)" = 1 ]
	run -0 nfhist -b 8 --range :2 --tsv x
	[ "$(field 3 <<<"$output" | sed -n 9p)" = 2 ]
	# Whole numbers: as many in every bin.
	seq 0 119 | column x >x
	run -0 nfhist --tsv x
	[ "$(field 4 <<<"$output" | sort -u | tr '\n' ' ')" = "0 5 " ]
}

@test "nfhist: the reference has its say in the choice of bins" {
	printf '%s\n' 1.25 1.5 | column x >x
	seq 1 100 | awk '{ print $1 / 8 }' | column x >r
	run -0 nfhist --tsv -r r x
	[ "$(field 7 <<<"$output" | tail -n 3 | head -n 1)" = 0 ]
	[ "$(field 6 <<<"$output" | awk '{ s += $1 } END { print s }')" = 2 ]
}

@test "nfhist: two rows get no more bins than many" {
	printf '%s\n' 1.25 96.5 | column x >x
	[ "$(nfhist --tsv x | wc -l)" -lt 40 ]
	seq 1 1000 | awk '{ print $1 / 1000 + 96 * ($1 % 2) }' | column x >x
	[ "$(nfhist --tsv x | wc -l)" -gt 60 ]	# gaps: finer bins
}

@test "nfhist: many bins of the same count say so on one line" {
	printf '%s\n' 0.5 9.5 | column x >x
	run -0 nfhist -b 10 --range 0:10 --width 40 --ascii x
	[ "${#lines[@]}" -eq 6 ]
	[ "${lines[4]}" = "    : 8 empty bins" ]
}

@test "nfhist: weights of either sign" {
	printf 'x\tw\n0\t2\n0\t-0.5\n1\t4\n1\t-4\n' | table >t
	run -0 nfhist -w w -b 2 --range 0:2 --tsv t
	[ "$(field 1 <<<"$output" | sort -u)" = x ]	# not w itself
	[ "$(field 4 <<<"$output" | tr '\n' ' ')" = "0 1.5 0 0 0 0 " ]
	[ "$(field 5 <<<"$output" | awk '{ printf "%.6g ", $1 ^ 2 }')" = \
	    "0 4.25 32 0 0 0 " ]
	run -0 nfhist --weight w -b 2 --range 0:2 t
	[[ ${lines[1]} == *"4 entries  weight 1.5  mean 0  std 0" ]]
	[ "$(nfhist -w w -c w,x --tsv t | field 1 | uniq | tr '\n' ' ')" = \
	    "w x " ]
	# A reference with the weight, and one without.
	nfhist -w w -b 2 --range 0:2 --tsv --unscaled -r t t >got
	[ "$(field 6 <got | tr '\n' ' ')" = "0 1.5 0 0 0 0 " ]
	printf 'x\n0\n0\n' | table >r
	nfhist -w w -b 2 --range 0:2 --tsv --unscaled -r r t >got
	[ "$(field 6 <got | tr '\n' ' ')" = "0 2 0 0 0 0 " ]
}

@test "nfhist: a weight that is no number is refused, by its row" {
	{ printf 'x\tw\n'; yes $'1\t1' | head -n 300; printf '1\tnan\n'; } |
	    table >t
	refuses 3 "t: row 300 (from 0): the weight is nan, want a finite \
number" -w w t
	printf 'w\n1\n' | table >t
	refuses 3 "t: no column but the weight" -w w t
	refuses 3 't: no column "x" (the nearest is "w")' -w x t
}

@test "nfhist: logarithms of counts and of values" {
	{ yes 0.5 | head -n 1000; printf '%s\n' 1.5 1.5; } | column x >x
	run -0 nfhist -b 2 --range 0:2 --width 40 --ascii --log x
	[[ ${lines[0]} == "x "*"bins of 1  log scale" ]]
	# log(1000 / 1) and log(2 / 1) of 27 columns
	[ "$(sed -n 4p <<<"$output" | tr -cd '#' | wc -c)" -eq 27 ]
	[ "$(sed -n 5p <<<"$output" | tr -cd '#' | wc -c)" -eq 3 ]

	printf '%s\n' 1 10 50 100 1000 0 -3 | column x >x
	run -0 nfhist --logx -b 3 --tsv x
	[ "$(field 4 <<<"$output" | tr '\n' ' ')" = "2 1 2 2 0 0 0 " ]
	run -0 nfhist --logx -b 2 --range 1:100 --tsv x
	[ "$(field 4 <<<"$output" | tr '\n' ' ')" = "2 1 3 1 0 0 " ]
}

@test "nfhist: the same line for line, however rows come" {
	seq 1 300 | awk '{ print $1 * $1 % 311 }' >text
	column x <text >x
	head -n 100 text | column x >1
	tail -n +101 text | column x >2
	for o in '' --log --tsv --ascii "-r 1"; do
		cmp <(nfhist $o x) <(nfhist $o 1 2)
		cmp <(nfhist $o x) <(nfhist $o <x)
		cmp <(nfhist $o x) <(nfhist $o - 2 <1)
		cmp <(nfhist $o x) <(cat x | nfhist $o <(cat x) 3<&-)
	done
	cmp <(nfhist -r x 1) <(nfhist -r - 1 <x)
	cmp <(nfhist -r x 1) <(nfhist -r <(cat x) 1)
}

@test "nfhist: a sample that is its own reference has ratio 1 in every bin" {
	seq 1 1000 | awk '{ print $1 * $1 % 997 }' | column x >x
	[ "$(nfhist --tsv -r x x | field 8 | sort -u | tr '\n' ' ')" = \
	    "1 nan " ]
}

@test "nfhist: a table without rows, of one row, of one value, of none" {
	for o in '' --log --logx -w --tsv; do
		for text in '' 3 $'3\n3\n3' $'nan\ninf\nnan' 1e30 -0; do
			printf 'x\tv\n%s' "${text:+$text$'\t1\n'}" |
			    sed 's/^\([^\t]*\)$/\1\t1/' |
			    table >x
			run -0 --separate-stderr nfhist ${o:+${o/-w/-wv}} x
			[ -n "$output" ]
			run -0 nfhist ${o:+${o/-w/-wv}} -r x x
		done
	done
	column x </dev/null >x
	run -0 nfhist --width 40 --ascii -r x x
	diff - <(echo "$output") <<-'END'
	x                           bins of 0.04
	# sample     0 entries
	| reference  0 entries
	 from                       count  ratio
	    : 25 empty bins
	END
}

@test "nfhist: a column that the reference lacks is drawn without it" {
	printf 'x\tlog_prob\n1\t2\n' | table >x
	printf 'y\tx\n1\t2\n' | table >r
	run -0 nfhist -r r x
	[ "$(grep -c '^┃' <<<"$output")" -eq 1 ]
	refuses 3 'r: no column "log_prob" (the nearest is "y")' \
	    -r r -c log_prob x
	printf 'z\n1\n' | table >r
	refuses 3 'r: no column "x" (the nearest is "z")' -r r x
}

@test "nfhist: the width is the terminal's, COLUMNS', or 80" {
	seq 1 100 | column x >x
	seq 1 100 | awk 'BEGIN { print "a\tb" }
	    { print $1 / 16 "\t" $1 % 10 + $1 / 8 }' | table >t
	wide()
	{
		head -n 1 | tr -d '\r' | sed 's/\x1b\[[0-9]*m//g' | wc -L
	}
	[ "$(nfhist x | wide)" -eq 80 ]
	[ "$(COLUMNS=100 nfhist x | wide)" -eq 100 ]
	[ "$(COLUMNS=5 nfhist x | wide)" -eq 40 ]
	[ "$(COLUMNS=100 nfhist --width 120 x | wide)" -eq 120 ]
	[ "$(on_terminal 'stty cols 66; nfhist x' | wide)" -eq 66 ]
	for n in 40 47 55 63 79 80 81 119 120 200 1000; do
		nfhist --width "$n" -r x x >got
		[ "$(wc -L <got)" -le "$n" ]
		[ "$(wide <got)" -eq "$n" ]
		for o in "--2d 0,1" "--2d 0,1 -b 90 --log" "--profile 0,1" \
		    "--roc 0,1"; do
			nfhist $o --width "$n" -r t t >got
			[ "$(wc -L <got)" -le "$n" ]
			nfhist $o --width "$n" --ascii t >got
			[ "$(wc -L <got)" -le "$n" ]
		done
	done
}

@test "nfhist: a long name is cut to the panel's width" {
	local name

	name=$(printf 'n%.0s' {1..255})
	printf '%s\n' 1 2 3 | column "$name" >x
	run -0 nfhist --width 50 x
	[[ ${lines[0]} == nnnnnnnn*n…"  bins of 1" ]]
	[ "$(wc -L <<<"$output")" -eq 50 ]
}

@test "nfhist: panels side by side where they fit" {
	{
		printf 'a\tb\tc\n'
		yes $'1\t2\t3\n1\t2\t4\n2\t2\t4' | head -n 30
	} | table >t
	nfhist --width 100 t >got
	[ "$(grep -c '^[abc]' got)" -eq 2 ]		# a and b, c
	[ "$(wc -L <got)" -eq 100 ]
	[[ $(head -n 1 got) =~ ^a\ +b$ ]]
	[ "$(grep -c . got)" -eq 10 ]
	# Cut apart again they are what they are alone.
	cut -c 1-49 <(nfhist --width 100 --ascii -c a,b t) |
	    sed 's/ *$//' >left
	nfhist --width 49 --ascii -c a t | diff - <(grep . left)
	[ "$(nfhist --width 145 -r t t | head -n 1 | wc -L)" -lt 100 ]
	[ "$(nfhist --width 146 -r t t | grep -c '^a')" -eq 1 ]
	nfhist --width 1000 -r t t >got
	[ "$(wc -l <got)" -eq 7 ]
}

@test "nfhist: --2d, shades of the content" {
	{
		printf 'x\ty\n'
		printf '%s\t%s\n' 0.5 0.5 1.5 0.5 1.5 0.5 1.5 1.5 9 9
		for ((n = 0; n < 8; n++)); do
			printf '0.5\t1.5\n'
		done
	} | table >t
	run -0 nfhist --2d x,y -b 2 --range 0:2 --yrange 0:2 --width 70 \
	    --ascii t
	[ "${lines[0]}" = "y (up) and x" ]
	[[ ${lines[1]} == "# sample     13 entries  correlation 0.943"* ]]
	[[ ${lines[1]} == *"  darkest 8  beside 1" ]]
	[ "${lines[2]}" = "1 @@@@@@@@........" ]
	[ "${lines[3]}" = "0 ................" ]
	run -0 nfhist --2d y,x -b 2 --range 0:2 --yrange 0:2 --tsv t
	[ "$(awk '$1 == 0 && $3 == 0 { print $5 }' <<<"$output")" = 1 ]
	[ "$(awk '$1 == 1 && $3 == 0 { print $5 }' <<<"$output")" = 8 ]
	[ "$(awk '$1 == 0 && $3 == 1 { print $5 }' <<<"$output")" = 2 ]
	[ "$(awk 'NR > 1 { s += $5 } END { print s }' <<<"$output")" = 13 ]
	# Levels both ways, and a reference in a panel of its own.
	printf 'x\ty\n0\t1\n0\t1\n2\t1\n2\t3\n' | table >t
	for ((n = 0; n < 4; n++)); do cat t; done | nfcat - >t4
	run -0 nfhist --2d x,y --width 40 --ascii -r t4 t4
	diff - <(echo "$output") <<-'END'
	y (up) and x
	# sample     16 entries
	3         oooooooo
	1 @@@@@@@@oooooooo
	  0       2

	y (up) and x
	| reference  16 entries
	3         oooooooo
	1 @@@@@@@@oooooooo
	  0       2
	END
	run -0 nfhist --2d x,y -r t4 --tsv t4
	[ "$(cut -f 9 <<<"$output" | sort -u | tr '\n' ' ')" = "1 nan ratio " ]
}

@test "nfhist: --profile, mean and spread" {
	{
		printf 'x\ty\n'
		printf '%s\t%s\n' 0.5 1 0.5 3 1.5 10 1.5 10 1.5 nan -4 7
	} | table >t
	run -0 nfhist --profile x,y -b 2 --range 0:2 --tsv t
	diff - <(cut -f 1-6 <<<"$output" | tr '\t' ' ') <<-'END'
	low high count mean error std
	-inf 0 1 7 0 0
	0 1 2 2 0.7071067811865476 1
	1 2 2 10 0 0
	2 inf 0 nan nan nan
	nan nan 0 nan nan nan
	-inf inf 0 nan nan nan
	END
	run -0 nfhist --profile x,y -b 2 --range 0:2 --ascii --width 70 -r t t
	diff - <(echo "$output") <<-'END'
	y in bins of x
	# sample     5 entries  point mean, line std
	| reference  5 entries
	 from 1               10      mean                 std reference  pull
	  < 0            o            7.00 +-   0.00      0.00      7.00
	    0 --o--                   2.00 +-   0.71      1.00      2.00  +0.0
	    1                  o     10.00 +-   0.00      0.00     10.00
	END
}

@test "nfhist: --roc, the background that passes with the signal" {
	{
		printf 's\tt\n'
		for ((n = 0; n < 100; n++)); do
			printf '%s\t%s\n' $n 0 $((n + 50)) 5 $((n + 20)) 4
		done
	} | table >t
	run -0 nfhist --roc s,t=5 --tsv t
	[ "${lines[0]}" = "threshold	signal	background	\
reference_signal	reference_background" ]
	# At 100 and above: 50 of signal, 20 of 200 others.
	[ "$(awk '$1 == 100 { print $2, $3 }' <<<"$output")" = "0.5 0.1" ]
	run -0 nfhist --roc s,t=5 -r t t
	[[ ${lines[1]} == *"  AUC 0.8"*"  signal 100  background 200" ]]
	[[ $output == *" 0.5 "*"0.10000 ±0.02121"*"1.00 ±0.30"* ]]
	# Any truth but 0 is signal.
	run -0 nfhist --roc s,t t
	[[ ${lines[1]} == *"  signal 200  background 100" ]]
	run -0 nfhist --roc s,t=5 t
	[[ ${lines[0]} == "s for t = 5 "* ]]
	run -0 nfhist --roc s,t=9 t
	[[ ${lines[1]} == *"signal 0  background 300" ]]
	[ "${#lines[@]}" -eq 2 ]
}

@test "nfhist: --fold, an event counts once" {
	{
		printf 'x\te\n'
		# Event 1: all in one bin; 2: half and half; 3: one draw.
		printf '%s\t%s\n' 0 1 0 1 0 1 0 1 0 2 1 2 1 3
	} | table >t
	run -0 nfhist --fold e -b 2 --range 0:2 --tsv t
	[ "$(field 1 <<<"$output" | sort -u)" = x ]
	[ "$(field 4 <<<"$output" | tr '\n' ' ')" = "0 1.5 1.5 0 0 0 " ]
	[ "$(field 5 <<<"$output" | awk '{ printf "%.6g ", $1 ^ 2 }')" = \
	    "0 1.25 1.25 0 0 0 " ]
	# A reference without events: every row is one.
	printf 'x\n0\n1\n1\n' | table >r
	run -0 nfhist --fold e -b 2 --range 0:2 --tsv --unscaled -r r t
	[ "$(field 6 <<<"$output" | tr '\n' ' ')" = "0 1 2 0 0 0 " ]
	# With weights, and in two dimensions.
	printf 'x\te\tw\n0\t1\t2\n1\t1\t2\n0\t2\t-1\n' | table >t
	run -0 nfhist --fold e -w w -b 2 --range 0:2 --tsv t
	[ "$(field 4 <<<"$output" | tr '\n' ' ')" = "0 0 1 0 0 0 " ]
	run -0 nfhist --fold e -w w -b 2 --2d x,e --tsv t
	[ "$(awk 'NR > 1 { s += $6 ^ 2 } END { print s }' <<<"$output")" = 3 ]
	printf 'e\n1\n' | table >t
	refuses 3 "t: no column but the events" --fold e t
}

@test "nfhist: --fold --profile, the error of a mean is that of events" {
	# Events of the means 2, 5, 3 at x = 0, and one with half there.
	printf '%s\t%s\t%s\t%s\n' e x y w 1 0 1 2 1 0 3 2 2 0 5 1 \
	    2 0 5 1 3 0 2 -1 3 0 4 -1 4 0 1 3 4 1 9 3 | table >t
	profile()
	{
		nfhist --tsv --profile x,y --fold e "$@" |
		    awk '$1 == 0 && $2 == 0 {
			printf "%.6g %.6g %.5g %.5g", $3, $4, $5, $6 }'
	}
	# The root of the events' sum of (y - 3 w)^2, over the sum of w.
	[ "$(profile t)" = "3.5 3 0.69985 1.6036" ]
	[ "$(profile -w w t)" = "3.5 2.14286 0.98637 1.7261" ]
	# Of one draw an event it is what it is without.
	seq 1 300 | awk 'BEGIN { print "e\tx\ty" }
	    { print NR "\t" NR % 3 "\t" NR * NR % 17 }' | table >t
	diff <(nfhist --tsv --profile x,y t | awk '{ printf "%.9g ", $5 }') \
	    <(nfhist --tsv --profile x,y --fold e t |
	    awk '{ printf "%.9g ", $5 }')
}

@test "nfhist: -T passes the stream through, and draws beside it" {
	seq 1 500 | column x >x
	nfhist -T x >copy 2>drawn
	cmp x copy
	nfhist --pass x 2>&1 >copy | cmp - drawn
	cmp x copy
	cmp drawn <(nfhist x)
	nfhist -T --tsv -r x <x 2>drawn | nfhist >end
	cmp end <(nfhist x)
	cmp drawn <(nfhist --tsv -r x x)
	head -c 2000 x >cut
	run -3 --separate-stderr bash -c 'nfhist -T cut | nfcat --check'
	[[ $stderr == "nfhist: cut: "* ]]
	[[ $stderr == *"nfcat: stdin: "* ]]
	refuses 2 "-T passes on one FILE" -T x x
	run -2 --separate-stderr on_terminal 'nfhist -T x 2>/dev/null'
}

# A gnuplot that keeps its script and leaves an image, or fails.
fake_gnuplot()
{
	mkdir -p fake
	cat >fake/gnuplot <<-'END'
	#!/bin/sh
	cat >script
	[ ! -e broken ] || { echo broken >&2; exit 1; }
	image=$(sed -n "s/^set output '\(.*\)'$/\1/p" script)
	echo image >"$image"
	END
	chmod +x fake/gnuplot
	PATH=$PWD/fake:$PATH
}

@test "nfhist: -o has gnuplot draw the same numbers" {
	fake_gnuplot
	printf '%s\n' 0.5 1.5 1.5 1.5 | column x >x
	printf '%s\n' 0.5 0.5 1.5 1.5 | column x >r
	for end in png svg pdf; do
		run -0 --separate-stderr nfhist -b 2 --range 0:2 -r r \
		    -o image.$end x
		[ -z "$output$stderr" ]
		[ "$(cat image.$end)" = image ]
		grep -q "^set terminal $end" script
	done
	grep -qx '0 1 1 1 2 1.41421356 0.5 0.612372436 -0.577350269' script
	[ "$(ls -I "separate*")" = "$(printf '%s\n' fake image.pdf image.png image.svg r \
	    script x)" ]
	# And says the same of them.
	nfhist -b 2 --range 0:2 -r r x >text
	grep -q "mean 1.25  std 0.433" text
	grep -q "^set title 'sample: mean 1.25, std 0.433; reference: mean 1, std" \
	    script
	agree=$(tail -n 1 text)
	grep -q "KS ${agree#*KS }" <<<"$(sed -n 's/^set label "\(.*\)" at.*/\1/p' \
	    script | sed 's/\\n/  /g; s/, p/ p/g')"
	# What lies beyond the ratio's panel is an arrow at its end.
	grep -q 'using.*(\$7>1.5?1.46:NaN) with points' script
	# Beside a stream that goes on.
	nfhist -T -o image.png x >copy
	cmp x copy
	refuses 2 "--tsv or -o: one kind of output at a time" --tsv -o x.png x
	refuses 2 "-o: 'x.gif' does not end in .png, .svg or .pdf" -o x.gif x
	refuses 2 "-o: 'png' does not end in .png, .svg or .pdf" -o png x
}

@test "nfhist: a gnuplot that fails, or is not there, leaves no image" {
	fake_gnuplot
	printf '%s\n' 1 2 | column x >x
	echo old >image.png
	touch broken
	run -1 --separate-stderr nfhist -o image.png x
	[ "$stderr" = "broken
nfhist: gnuplot failed" ]
	[ "$(cat image.png)" = old ]
	printf '#!/bin/sh\nexit 3\n' >fake/gnuplot	# reads nothing
	run -1 --separate-stderr nfhist -o image.png x
	[[ $stderr == "nfhist: gnuplot"* ]]
	run -1 --separate-stderr env PATH="$BUILD/bin" nfhist -o image.png x
	[ "$stderr" = "nfhist: gnuplot, which draws images: No such file or \
directory; install it (Debian: gnuplot-nox), or leave -o out" ]
	run -1 --separate-stderr nfhist -o no/image.png x
	[[ $stderr == "nfhist: no/image.png: "* ]]
	[ "$(ls -I "separate*")" = "$(printf '%s\n' broken fake image.png script x)" ]
}

@test "nfhist: gnuplot draws whatever the columns are and are called" {
	command -v gnuplot >/dev/null || skip "without gnuplot"
	printf '%s\t%s\n' "'.system('touch pwned').'" 'a`touch pwned`' 1 2 \
	    1 3 2 2 5 5 nan 1 | table >t
	printf 'x\ty\nnan\tinf\n' | table >none
	for o in "-c 0,1" "--2d 0,1" "--profile 0,1" "--roc 0,1"; do
		for more in "" -r --log "--log -r" "--pull -r"; do
			nfhist $o ${more/-r/-r t} -o image.svg t
			nfhist $o ${more/-r/-r none} -o image.svg none
		done
	done 2>warnings
	grep -v 'no valid points' warnings | diff /dev/null -
	nfhist -o image.svg t
	grep -q "system('touch pwned')" image.svg
	nfhist -o "it's \`touch pwned\`.svg" t
	[ ! -e pwned ]
	nfhist -c 0 -o image.png t
	[ "$(head -c 4 image.png | tail -c 3)" = PNG ]
	nfhist -c 0 -o image.pdf t
	[ "$(head -c 4 image.pdf)" = %PDF ]
}

@test "nfhist: colours on a terminal alone, and not with NO_COLOR" {
	local esc=$'\e'

	printf '%s\n' 1 2 2 | column x >x
	[[ $(on_terminal 'nfhist -r x x') == *"$esc[34m"* ]]
	[[ $(NO_COLOR=1 on_terminal 'nfhist -r x x') != *"$esc"* ]]
	[[ $(TERM=dumb on_terminal 'nfhist -r x x') != *"$esc"* ]]
	[[ $(nfhist -r x x) != *"$esc"* ]]
}

@test "nfhist: wrong options" {
	local n

	for n in 0 -1 65537 x 1e9 ''; do
		refuses 2 "-b: '$n' is not a whole number from 1 to 65536" \
		    -b "$n"
	done
	refuses 2 "-b: 'x' is not a finite number" -b 1,x
	refuses 2 "-b: the edge 1 does not ascend" -b 0,1,1
	refuses 2 "-b: the edge 0 does not ascend" -b 2,0
	refuses 2 "-b EDGES leaves no room for --range and --logx" \
	    -b 1,2 --logx
	refuses 2 "-b EDGES leaves no room for --range and --logx" \
	    --range 0:1 -b 1,2
	refuses 2 "--range: '5' is not LO:HI" --range 5
	refuses 2 "--range: 3 is not below 1" --range 3:1
	refuses 2 "--range: 1 is not below 1" --range 1:1
	refuses 2 "--range: 'a' is not a finite number" --range 0:a
	refuses 2 "--range: 'nan' is not a finite number" --range nan:1
	refuses 2 "--logx: the range must be above 0" --logx --range 0:1
	refuses 2 "--yrange: 3 is not below 1" --yrange 3:1
	refuses 2 "one of -c, --2d, --profile and --roc is enough" \
	    -c x --2d x,y
	refuses 2 "--roc: 'b' is not a finite number" --roc s,t=b
	for n in 39 1001 x; do
		refuses 2 "--width: '$n' is not a whole number from 40 to \
1000" --width "$n"
	done
	refuses 2 "-r -: standard input is the sample" -r -
	refuses 2 "-r -: standard input is the sample" -r - x -
}

@test "nfhist: a range too narrow or too wide, more bins than there may be" {
	printf '%s\n' 1 2 | column x >x
	refuses 2 "range 1:1.0000000000000002 is too narrow for 9 bins" \
	    -b 9 --range 1:1.0000000000000002 x
	refuses 2 "range 0:1e+301: the ends must be numbers within 1e+300" \
	    --range 0:1e301 x
	{ seq -s $'\t' 1 70; seq -s $'\t' 1 70; } | table >t
	refuses 2 'x: "x" are 1 columns, want 2' --2d x x
	refuses 2 't: "1:4" are 3 columns, want 2' --profile 1:4 t
	refuses 2 "4096 x 4096 bins are more than 4194304" \
	    -b 4096 --range 0:1 --2d 1,2 t
	refuses 2 "65536 bins of 70 columns are more than 4194304" \
	    -b 65536 t
}

@test "nfhist: input that is damaged, missing or no stream" {
	seq 1 1000 | column x >x
	head -c 3000 x >cut
	run -3 --separate-stderr nfhist cut
	[ -z "$output" ]
	[[ $stderr == "nfhist: cut: "* ]]
	run -3 --separate-stderr nfhist -r cut x
	[ -z "$output" ]
	[[ $stderr == "nfhist: cut: "* ]]
	run -3 --separate-stderr nfhist -r x <cut
	[[ $stderr == "nfhist: stdin: "* ]]
	run -3 --separate-stderr nfhist x cut
	[[ $stderr == "nfhist: cut: "* ]]
	echo hello >text
	run -3 --separate-stderr nfhist text
	[[ $stderr == *"text: not a tensor stream"* ]]
	run -1 --separate-stderr nfhist absent
	[ "$stderr" = "nfhist: absent: No such file or directory" ]
	run -3 --separate-stderr nfhist -c y x
	[ "$stderr" = 'nfhist: x: no column "y" (the nearest is "x")' ]
}

@test "nfhist: output that cannot be written is status 1" {
	printf '%s\n' 1 2 | column x >x
	run -1 --separate-stderr bash -c 'nfhist x >/dev/full'
	[ "$stderr" = "nfhist: stdout: cannot write: No space left on device" ]
}

@test "nfhist: every allocation, read and write may fail, cleanly" {
	faults_built || skip "built without faults"
	printf 'x\tw\n1\t1\n2\t1\n' | table >x
	for site in alloc read write; do
		for ((n = 1; n < 199; n++)); do
			run --separate-stderr env NF_FAULT=$site:$n \
			    nfhist -w w -r x x
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ]
			[ -n "$stderr" ]
			[ -z "$output" ]
		done
		[ "$n" -gt 1 ]
		[ "$n" -lt 199 ]
	done
}
