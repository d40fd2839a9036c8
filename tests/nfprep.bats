#!/usr/bin/env bats
# nfprep: recipes on streams, there and back.
load lib

# table [NFCAT OPTION...]: a stream of the comma-separated lines given to it.
table()
{
	nfcat "$@" -
}

# recipe LINE...: c.cfg with these lines in [prep].
recipe()
{
	{ echo '[prep]'; printf '%s\n' "$@"; } >c.cfg
}

# column NAME <STREAM: its values, one a line.
column()
{
	nfcat -c "$1" -t | tail -n +2
}

five()
{
	table <<-'END'
	pt,id,n,tag
	1,0,7,-1
	10,2,9,0.5
	100,6,7,-1
	10,6,8,0.25
	1,6,7,1
	END
}

@test "nfprep: the values of a recipe, worked out by hand" {
	recipe 'pt = log 2 -1' 'n = affine 0.5 1, scale' 'tag = clip 0 0.75'
	five | nfprep -c c.cfg >p.nfs
	[ "$(column pt <p.nfs | awk '{ printf "%.6f ", $1 }')" = \
	    "0.000000 2.944439 5.293305 2.944439 0.000000 " ]
	[ "$(column n <p.nfs | awk '{ printf "%.6f ", $1 }')" = \
	    "0.818182 1.000000 0.818182 0.909091 0.818182 " ]
	[ "$(column tag <p.nfs | tr '\n' ' ')" = "0 0.5 0 0.25 0.75 " ]
	[ "$(column id <p.nfs | tr '\n' ' ')" = "0 2 6 6 6 " ]
}

@test "nfprep: the header holds the fitted recipe, which does the same" {
	recipe 'pt = log, standardize' 'id = levels 0 2 6' \
	    'n = uniform 0.5' 'tag = spike -1 0.01 -0.1, standardize'
	five | nfprep -c c.cfg >p.nfs
	nfcat -i p.nfs | sed -n 's/^prep	//p' >lines
	[ "$(head -n 3 lines | sed -E 's/([0-9]\.[0-9]{6})[0-9]*/\1/g')" = \
"pt = seen 1 100, log 1 0, standardize 1.842068 1.723096
id = seen 0 6, levels 0:0.2 2:0.2 6:0.6
n = seen 7 9, uniform 0.5 7 9" ]
	grep -qE '^tag = seen -1 1, spike -1 0.01 -0.1 0.25, standardize ' \
	    lines
	recipe "$(cat lines)"
	five | nfprep -c c.cfg | cmp - p.nfs
	five | nfcat -n 2 | nfprep -c c.cfg | nfcat --csv >got
	nfcat -n 2 --csv p.nfs | cmp - got	# nothing is fitted anew
}

@test "nfprep: back to the same values" {
	recipe 'pt = log, standardize' 'id = levels 0 2 6' \
	    'n = uniform 0.5, standardize, scale' \
	    'tag = logit -0.01 1.01, spike -1'
	five >in.nfs
	nfprep -c c.cfg in.nfs >p.nfs
	run -0 --separate-stderr nfprep --inverse p.nfs
	[ -z "$stderr" ]
	nfprep --inverse <p.nfs >back.nfs
	for c in id n; do
		column $c <in.nfs | cmp - <(column $c <back.nfs)
	done
	paste <(column pt <in.nfs) <(column pt <back.nfs) |
	    awk '($1 - $2) ^ 2 > 1e-20 * $1 ^ 2 { exit 1 }'
	[ "$(column tag <back.nfs | awk '{ printf "%.9g ", $1 }')" = \
	    "-1 0.5 -1 0.25 1 " ]
	[ -z "$(nfcat -i back.nfs | grep ^prep)" ]
	nfprep -z -c c.cfg in.nfs | nfprep -z --inverse | nfcat --csv |
	    cmp - <(nfcat --csv back.nfs)
}

@test "nfprep: the type is the input's" {
	recipe 'pt = log'
	for type in f32 f64; do
		five | nfcat --type $type | nfprep -c c.cfg >p.nfs
		[ "$(nfcat -i p.nfs | sed -n 's/^type	//p')" = $type ]
		nfprep --inverse p.nfs >b.nfs
		[ "$(nfcat -i b.nfs | sed -n 's/^type	//p')" = $type ]
	done
}

@test "nfprep: onehot makes columns, which stay" {
	recipe 'id = onehot 6 2 0' 'pt = log'
	five | nfprep -c c.cfg >p.nfs
	[ "$(nfcat -c id:6,id:2,id:0 --csv p.nfs | tr '\n' ' ')" = \
	    "id:6,id:2,id:0 0,0,1 0,1,0 1,0,0 1,0,0 1,0,0 " ]
	nfprep --inverse p.nfs >b.nfs
	[ "$(nfcat --csv b.nfs | head -n 2 | tail -n 1)" = 1,0,0,1,7,-1 ]
}

@test "nfprep: a column may lean on another" {
	recipe 'tag = ratio pt' 'n = diff pt'
	five | nfprep -c c.cfg >p.nfs
	[ "$(column tag <p.nfs | tr '\n' ' ')" = "-1 0.05 -0.01 0.025 1 " ]
	[ "$(column n <p.nfs | tr '\n' ' ')" = "6 -1 -93 -2 6 " ]
	nfprep --inverse p.nfs | nfcat --csv | cmp - <(five | nfcat --csv)
	recipe 'tag = ratio none'
	run -3 --separate-stderr nfprep -c c.cfg <(five)
	[[ $stderr == *"recipe of column tag: ratio none: no such column"* ]]
}

@test "nfprep: draws differ by seed, and by nothing else" {
	recipe 'n = uniform 0.5'
	five >in.nfs
	nfprep -c c.cfg in.nfs >a
	nfprep -c c.cfg --seed 0 in.nfs | cmp - a
	! nfprep -c c.cfg --seed 1 in.nfs | cmp -s - a
	OMP_NUM_THREADS=1 nfprep -c c.cfg in.nfs | cmp - a
	nfprep -c c.cfg --seed 1 in.nfs | nfprep --inverse | nfcat --sum |
	    cmp - <(nfcat --sum in.nfs)
}

@test "nfprep: one row, a constant column, no rows" {
	recipe '* = standardize' 'tag = spike -1, standardize'
	five | nfcat -n 1 | nfprep -c c.cfg | nfprep --inverse | nfcat --csv |
	    cmp - <(five | nfcat -n 1 --csv)
	run -3 --separate-stderr bash -c \
	    "nfcat -n 0 | nfprep -c c.cfg" < <(five)
	[ "$stderr" = "nfprep: stdin: no rows to fit a recipe to" ]
	recipe 'pt = log'
	five | nfcat -n 0 >none.nfs
	recipe 'pt = seen 1 2, log 1 0'
	nfprep -c c.cfg none.nfs | nfcat --csv >got
	[ "$(cat got)" = pt,id,n,tag ]
}

@test "nfprep: refuses what it cannot do, and leaves no whole stream" {
	check()
	{
		run -3 --separate-stderr bash -c "$1 >out"
		[ "$stderr" = "nfprep: $2" ] ||
		    { echo "got $stderr"; return 1; }
		run -3 nfcat --check out
	}
	five >in.nfs
	recipe 'tag = log'
	check 'nfprep -c c.cfg in.nfs' 'in.nfs: row 1, column tag: log 1 0 '\
'cannot take -1: want A x + B above 0: give another B, clip first, or let a '\
'spike take the value'
	recipe 'id = levels 0 2'
	check 'nfprep -c c.cfg in.nfs' 'in.nfs: row 3, column id: levels 0 2 '\
'cannot take 6: it is none of the levels: add it to them'
	recipe 'tag = uniform 0.5'
	check 'nfprep -c c.cfg in.nfs' 'in.nfs: row 2, column tag: uniform '\
'0.5 -1 1 cannot take 0.5: want a whole number; levels takes others'
	recipe 'tag = spike -1 1 0'
	check 'nfprep -c c.cfg in.nfs' 'in.nfs: recipe of column tag: spike '\
'-1 1 0: the other values reach from 0.25 to 1 there; AT must be -5.75 or '\
'less, or 7 or more, or left out'
	recipe 'id = levels 0 2 6'
	nfprep -c c.cfg in.nfs >p.nfs
	check 'nfprep -c c.cfg p.nfs' 'p.nfs: its columns have been '\
'transformed already; nfprep --inverse undoes that'
	check 'nfprep --inverse in.nfs' 'in.nfs: its header holds no recipe, '\
'so there is nothing to undo'
	recipe 'Id = scale'
	check 'nfprep -c c.cfg in.nfs' \
	    'c.cfg: no line of its recipe is about a column of in.nfs'
	recipe 'id = lvels 1'
	run -3 --separate-stderr nfprep -c c.cfg in.nfs
	[[ $stderr == 'nfprep: c.cfg:2: [prep] id: no op "lvels" (the '* ]]
	run -1 --separate-stderr nfprep -c none.cfg in.nfs
	[ "$stderr" = "nfprep: none.cfg: No such file or directory" ]
	echo 'pt,n' >nan.csv
	echo '1,2
nan,3' >>nan.csv
	recipe 'pt = scale'
	run -3 --separate-stderr bash -c 'nfcat nan.csv | nfprep -c c.cfg'
	[ "$stderr" = "nfprep: stdin: row 2, column pt: the value is nan; \
drop such rows, as h5cols --nonfinite=drop does" ]
}

@test "nfprep: a stream cut short fails here too" {
	recipe 'pt = log'
	five >in.nfs
	head -c $(($(size in.nfs) - 7)) in.nfs >cut
	run -3 --separate-stderr bash -c 'nfprep -c c.cfg cut >out'
	[[ $stderr == "nfprep: cut: stream ended early"* ]]
	run -3 nfcat --check out
	recipe 'pt = seen 1 100, log 1 0'
	run -3 --separate-stderr bash -c 'nfprep -c c.cfg cut >out'
	run -3 nfcat --check out
}

@test "nfprep: what overflows on the way back is counted" {
	recipe 'pt = atan'
	# As a float, its arc tangent is a right angle and a little more.
	printf 'pt\n1\n1e9\n0\n' | table --type f32 |
	    nfprep -c c.cfg >p.nfs
	run -0 --separate-stderr bash -c 'nfprep --inverse p.nfs >back.nfs'
	[ "$stderr" = "nfprep: values that overflowed and were brought back \
into the range that the recipe was fitted to: 1" ]
	[ "$(column pt <back.nfs | sed -n 2p)" = 1e9 ] ||
	    [ "$(column pt <back.nfs | sed -n 2p)" = 1000000000 ]
}

@test "nfprep: usage" {
	run -2 --separate-stderr nfprep
	[ "${stderr_lines[0]}" = \
	    "nfprep: -c FILE.cfg, which holds the recipe, is missing" ]
	run -2 --separate-stderr nfprep -c c.cfg a b
	[ "${stderr_lines[0]}" = \
	    "nfprep: one input at a time: nfcat joins files" ]
	run -2 --separate-stderr nfprep -c c.cfg --seed -1
	[[ ${stderr_lines[0]} == "nfprep: --seed: '-1' is not a whole"* ]]
	recipe 'pt = log'
	five >in.nfs
	run -2 on_terminal "nfprep -c c.cfg in.nfs"
	[[ $output == *"refusing to write a stream to a terminal"* ]]
}

@test "nfprep: every allocation, read and write may fail, cleanly" {
	faults_built || skip "needs NF_FAULTS"
	recipe 'pt = log, standardize' 'id = levels 0 2 6' 'n = ratio pt' \
	    'tag = spike -1'
	five >in.nfs
	nfprep -c c.cfg in.nfs >p.nfs
	for command in '-c c.cfg in.nfs' '--inverse p.nfs'; do
		for site in alloc read write; do
			for ((n = 1; n < 199; n++)); do
				NF_FAULT=$site:$n run --separate-stderr \
				    bash -c "nfprep $command >out"
				[ "$status" -eq 0 ] && break
				[ "$status" -eq 1 ] && [ -n "$stderr" ]
				run -3 nfcat --check out
			done
			[ "$n" -gt 1 ] && [ "$n" -lt 199 ]
		done
	done
}

# The recipes that come with the pipelines, on jets.
@test "nfprep: the recipes of the pipelines, on the bundled jets" {
	h5cols "$JETS" >in.nfs
	for c in jets jets-small; do
		nfprep -c "$repo/pipelines/$c.cfg" in.nfs >p.nfs
		nfprep --inverse p.nfs >back.nfs
		for exact in Jet_jetId Jet_puId Jet_nConstituents; do
			nfcat -c $exact --sum in.nfs |
			    cmp - <(nfcat -c $exact --sum back.nfs)
		done
		# Spikes come back exactly, and nothing else becomes one.
		for spike in CMVA CSVV2 DeepB DeepC; do
			column Jet_btag$spike <in.nfs | grep -nxF -e -1 >want
			column Jet_btag$spike <back.nfs | grep -nxF -e -1 |
			    cmp - want
			[ "$(wc -l <want)" -gt 2000 ]
		done
		nfcat -c 'GenJet_pt,Jet_btag*,Jet_*MinusGen,Jet_area,Jet_b*' \
		    -t in.nfs >a
		nfcat -c 'GenJet_pt,Jet_btag*,Jet_*MinusGen,Jet_area,Jet_b*' \
		    -t back.nfs | paste a - | tail -n +2 | awk '{
			for (i = 1; i <= NF / 2; i++) {
				d = $i - $(i + NF / 2)
				if (d * d > 1e-10 * ($i * $i + 1e-4))
					exit 1
			}
		    }'
	done
	[ "$(nfcat -c 'Jet_*' -t p.nfs | tail -n +2 | awk '{
		for (i = 1; i <= NF; i++)
			n += $i > 7 || $i < -7
	    } END { print n + 0 }')" -eq 0 ]
	nfprep -c "$repo/pipelines/jets.cfg" in.nfs | nfcat -c 'Jet_*' -t |
	    tail -n +2 | awk '{ for (i = 1; i <= NF; i++)
		if ($i > 1 || $i < -1) exit 1 }'
	run -0 cfgshow "$repo/pipelines/muons.cfg"
}
