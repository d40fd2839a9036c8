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
	nfprep --zstd --config=c.cfg in.nfs | cmp - <(nfprep -z -c c.cfg in.nfs)
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
	run -0 --separate-stderr bash -c 'nfprep --inverse p.nfs >b.nfs'
	[ "$stderr" = "nfprep: id = seen 0 6, onehot 6 2 0: no such column, so \
this is not undone; what onehot made stays" ]
	[ "$(nfcat --csv b.nfs | head -n 2 | tail -n 1)" = 1,0,0,1,7,-1 ]
	nfcat -c 'id:*' p.nfs >ids.nfs		# nothing else to undo
	run -0 --separate-stderr bash -c 'nfprep --inverse ids.nfs >b.nfs'
	cmp <(nfcat --csv ids.nfs) <(nfcat --csv b.nfs)
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
	check 'nfprep -c c.cfg in.nfs' 'in.nfs: row 0, column tag: log 1 0 '\
'cannot take -1: want A x + B above 0: give another B, clip first, or let a '\
'spike take the value'
	recipe 'id = levels 0 2'
	check 'nfprep -c c.cfg in.nfs' 'in.nfs: row 2, column id: levels 0 2 '\
'cannot take 6: it is none of the levels: add it to them'
	recipe 'tag = uniform 0.5'
	check 'nfprep -c c.cfg in.nfs' 'in.nfs: row 1, column tag: uniform '\
'0.5 cannot take 0.5: want a whole number; levels takes others'
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
	[ "$stderr" = "nfprep: stdin: row 1, column pt: the value is nan; \
drop such rows, as h5cols --nonfinite=drop does" ]
}

@test "nfprep: says which op loses what" {
	loses()
	{
		run -0 --separate-stderr bash -c 'nfprep -c c.cfg in.nfs >p.nfs'
		[ "$stderr" = "$1" ] || { echo "got $stderr"; return 1; }
	}
	five >in.nfs
	recipe 'pt = clip 2 50, log'
	loses "nfprep: column pt: clip 2 50 2 50: 3 values do not come back, \
the first that of row 0: 1 there becomes 2"
	nfprep --inverse p.nfs | column pt | tr '\n' ' ' >got
	awk '{ for (i = 1; i <= 5; i++)
		if (($i - (i % 4 == 1 ? 2 : i == 3 ? 50 : 10)) ^ 2 > 1e-20)
			exit 1 }' got
	recipe 'n = affine 0.5 0, wrap'
	loses "nfprep: column n: wrap: 5 values do not come back, the first \
that of row 0: 3.5 there becomes -2.78318531"
	recipe 'n = mantissa 0'
	loses "nfprep: column n: mantissa 0: 4 values do not come back, the \
first that of row 0: 7 there becomes 8"
	# A recipe that was fitted to other rows.
	recipe 'n = seen 7 8, uniform 0.5 7 8' 'tag = spike -1 0.1 -2 0.5'
	loses "nfprep: column n: uniform 0.5 7 8: 1 values do not come back, \
the first that of row 1: 9 there becomes 8
nfprep: column tag: spike -1 0.1 -2 0.5: 1 values do not come back, the first \
that of row 3: 0.25 there becomes 0.5"
	for op in 'clip 0 100' 'log 1 1' 'spike 1' 'levels 1 10 100' \
	    'uniform 0.5' 'gauss 0.2' 'wrap, none' 'ratio n' 'diff n, scale'; do
		recipe "pt = ${op%%, none}"
		[ "$op" = "${op%, none}" ] || continue
		loses ""
	done
	# The rows of every block count.
	awk 'BEGIN { print "a"; for (i = 0; i < 20000; i++) print i }' |
	    nfcat >in.nfs
	recipe 'a = clip 5 19990'
	loses "nfprep: column a: clip 5 19990 5 19990: 14 values do not come \
back, the first that of row 0: 0 there becomes 5"
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
	run -2 --separate-stderr nfprep -c c.cfg --inverse a
	[ "${stderr_lines[0]}" = "nfprep: --inverse goes without -c and --seed" ]
	run -2 nfprep --inverse --seed 1 a
	recipe 'pt = log'
	five >in.nfs
	nfprep -c c.cfg --seed 18446744073709551615 in.nfs >p.nfs
	run -2 nfprep -c c.cfg --seed 18446744073709551616 in.nfs
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

# there_and_back RECIPE FILE: in.nfs in float64, back.nfs, and what was lost.
there_and_back()
{
	h5cols "$2" | nfcat --type f64 >in.nfs
	nfprep -c "$repo/pipelines/$1.cfg" in.nfs >p.nfs 2>lost
	nfprep --inverse p.nfs >back.nfs 2>kept
}

# exact COLUMN...: they came back to the last bit, in each row.
exact()
{
	local c

	for c; do
		cmp <(column $c <in.nfs) <(column $c <back.nfs)
	done
}

# near COLUMN LO HI: what lay from LO to HI came back to 1e-6 of itself, and
# the rest as the nearer of both.
near()
{
	paste <(column $1 <in.nfs) <(column $1 <back.nfs) |
	    awk -v lo="$2" -v hi="$3" -v c="$1" '{
		x = $1 < lo ? lo : $1 > hi ? hi : $1
		if (($2 - x) ^ 2 > 1e-12 * x ^ 2) {
			print c, $1, $2
			exit 1
		}
	    }'
}

# spike COLUMN VALUE LEAST: at least so many, in the same rows as before.
spike()
{
	column $1 <in.nfs | grep -nxF -e $2 >want
	column $1 <back.nfs | grep -nxF -e $2 | cmp - want
	[ "$(wc -l <want)" -ge $3 ]
}

@test "nfprep: the published recipe of jets undoes itself" {
	there_and_back jets "$JETS"
	exact Jet_jetId Jet_puId Jet_nConstituents
	spike Jet_btagCMVA -1 2000
	for c in CSVV2 DeepB DeepC; do
		spike Jet_btag$c -1 2000
	done
	spike Jet_qgl -1 300
	near Jet_massRatio 0 7
	near Jet_ptRatio 0 3
	for c in $(nfcat -i back.nfs | sed -n 's/^column	//p' |
	    grep -v :); do
		case $c in
		Jet_massRatio|Jet_ptRatio|*MinusGen|Jet_jetId|Jet_puId) ;;
		*) near $c -inf inf ;;
		esac
	done
	# Near 0 it is the column's spread that counts.
	for c in eta phi; do
		paste <(column Jet_${c}MinusGen <in.nfs) \
		    <(column Jet_${c}MinusGen <back.nfs) |
		    awk '($1 - $2) ^ 2 > 1e-20 { exit 1 }'
	done
	[ "$(cut -d : -f 2,3 lost | sed 's/ [-.0-9e]* [-.0-9e]*$//')" = \
" column Jet_massRatio: clip 0 7
 column Jet_ptRatio: clip 0 3" ]
	[ "$(wc -l <kept)" -eq 2 ]
	# The splines act in -1 to 1, and every target ends there.
	nfcat -c 'Jet_*' -t p.nfs | tail -n +2 | awk '{
		for (i = 1; i <= NF; i++)
			if ($i > 1 || $i < -1) exit 1 }'
	nfcat -i p.nfs | grep -c '^column	GenJet_partonFlavour:' |
	    grep -qx 12
}

@test "nfprep: the published recipe of muons undoes itself" {
	there_and_back muons "$repo/pipelines/data/muons.h5"
	exact Muon_isGlobal Muon_isPFcand Muon_isTracker Muon_mediumId \
	    Muon_softId Muon_softMvaId GenMuon_charge
	for k in {0..14}; do
		exact GenMuon_statusFlag$k
	done
	spike Muon_jetPtRelv2 0 100
	spike Muon_jetRelIso 0 50
	spike Muon_pfRelIso03_all 0 500
	spike Muon_pfRelIso03_chg 0 1000
	spike Muon_pfRelIso04_all 0 300
	spike Muon_softMva -1 100
	near Muon_ptRatio 0 2
	near Muon_dxyErr 0 1
	near Muon_dzErr 0 1
	near Muon_ip3d 0 1
	near Muon_sip3d 0 1000
	near Muon_ptErr 0 300
	near Muon_jetPtRelv2 0 200
	near Muon_jetRelIso -1 100
	near Muon_pfRelIso03_all 0 100
	near Muon_pfRelIso03_chg 0 40
	near Muon_pfRelIso04_all 0 70
	near Muon_softMva -inf inf
	for c in Muon_etaMinusGen Muon_phiMinusGen Muon_dxy Muon_dz; do
		paste <(column $c <in.nfs) <(column $c <back.nfs) |
		    awk '($1 - $2) ^ 2 > 1e-12 * ($1 ^ 2 + 1e-8) { exit 1 }'
	done
	grep -c 'clip' lost | grep -qx "$(wc -l <lost)"
	[ ! -s kept ]
	nfcat -c 'Muon_*' -t p.nfs | tail -n +2 | awk '{
		for (i = 1; i <= NF; i++)
			if ($i > 1 || $i < -1) exit 1 }'
}

@test "nfprep: levels, spikes and counts come back from single precision" {
	for r in jets muons jets-small muons-small; do
		h5cols "$repo/pipelines/data/${r%-small}.h5" >in.nfs
		nfprep -c "$repo/pipelines/$r.cfg" in.nfs 2>lost |
		    nfprep --inverse >back.nfs 2>kept
		case $r in
		jets*)
			exact Jet_jetId Jet_puId Jet_nConstituents
			spike Jet_btagDeepB -1 2000
			[ $r = jets ] || exact Jet_area
			;;
		muons-small)
			exact Muon_isGlobal Muon_dxyErr Muon_dzErr Muon_ptErr \
			    Muon_softMva
			[ "$(grep -c mantissa lost)" = 0 ]
			;;
		muons)
			exact Muon_isGlobal Muon_softId
			spike Muon_pfRelIso03_chg 0 1000
			spike Muon_softMva -1 100
			;;
		esac
	done
}

# lines CFG SECTION: its keys and values, each as KEY=VALUE.
lines()
{
	sed -n "/^\[$2\]/,/^\[/p" "$repo/pipelines/$1.cfg" |
	    sed -E '/^[;[]|^$/d; s/ *= */=/'
}

@test "pipelines: the published models, in full" {
	lines jets flow | sort | paste -sd ' ' >got
	echo "activation=relu batch_norm=yes bins=128 blocks=10 hidden=298 \
steps=17 tail_bound=1" | diff - got
	lines jets train | paste -sd ' ' >got
	echo "epochs=600 batch=2048 lr=1e-5 schedule=cosine" | diff - got
	lines muons flow | sort | paste -sd ' ' >got
	echo "activation=relu batch_norm=yes bins=128 blocks=10 hidden=256 \
steps=22 tail_bound=1" | diff - got
	lines muons train | paste -sd ' ' >got
	echo "epochs=1000 batch=2048 lr=1e-4 schedule=cosine" | diff - got
	# All columns of the data, in the published order.
	for r in jets muons; do
		h5cols -n 1 "$repo/pipelines/data/$r.h5" >in.nfs
		columns=$(lines $r data |
		    sed -n 's/, */,/g; s/^\(context\|target\)=//p' |
		    paste -sd ,)
		cmp <(nfcat -c "$columns" --csv in.nfs) <(nfcat --csv in.nfs)
	done
	for line in 'Jet_jetId=levels 0 2 6, scale' \
	    'Jet_puId=levels 0 4 6 7, scale' \
	    'Jet_btagDeepB=spike -1 0.01 -0.1, standardize, scale' \
	    'Jet_nConstituents=uniform 0.5, standardize, scale' \
	    'Jet_massRatio=clip 0 7, standardize, scale' \
	    'Jet_ptRatio=clip 0 3, standardize, scale'; do
		lines jets prep | grep -qxF "$line"
	done
	for line in jetPtRelv2:200 jetRelIso:100 pfRelIso03_all:100 \
	    pfRelIso03_chg:40 pfRelIso04_all:70 sip3d:1000 ip3d:1 ptErr:300 \
	    dxyErr:1 dz:20; do
		lines muons prep |
		    grep -qE "^Muon_${line%:*}=clip [-0-9]+ ${line#*:},"
	done
}
