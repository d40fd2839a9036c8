#!/usr/bin/env bats
# nfsample: draws that do not depend on how they are asked for.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	export OMP_NUM_THREADS=1
	h5cols -n 300 -c GenJet_eta,GenJet_pt,Jet_qgl,GenJet_hadronFlavour \
	    "$JETS" >j.nfs
	mkmodel m.nf features=5 context=4 steps=3 hidden=12 blocks=1 bins=5 \
	    weights=random gain=2 tail_bound=5 \
	    columns_context=GenJet_pt,GenJet_hadronFlavour \
	    columns_target=ratio,id,tag,n,x \
	    prep='GenJet_pt = seen 15 500, log 1 0, standardize 4 0.6' \
	    prep='GenJet_hadronFlavour = seen 0 5, onehot 0 4 5' \
	    prep='ratio = seen 0 3, clip 0 3 0.5 2.5, standardize 1 0.25' \
	    prep='id = seen 0 6, levels 0:0.25 2:0.25 6:0.5' \
	    prep='tag = seen -1 1, spike -1 0.1 -2 -0.5' \
	    prep='n = seen 1 60, uniform 0.5 1 60, standardize 30 12'
	# A flow without conditions, and one without a recipe.
	mkmodel free.nf features=3 context=0 steps=2 hidden=8 weights=random
	mkmodel bare.nf features=3 context=2 steps=2 hidden=8 weights=random
	printf 'y0,other,y1\n1,2,3\n-1,0.5,0.25\n0,0,0\n' | nfcat >y.nfs
}

# column NAME <STREAM: its values, one a line.
column()
{
	nfcat -c "$1" -t | tail -n +2
}

columns()
{
	nfcat -i "$@" | sed -n 's/^column	//p' | tr '\n' ' '
}

# fails STATUS MESSAGE COMMAND...: it does, in one line, with no stream.
fails()
{
	local status_wanted=$1 message=$2

	shift 2
	run -"$status_wanted" --separate-stderr bash -c '"$@" >out' sh "$@"
	[ "$stderr" = "nfsample: $message" ] || { echo "$stderr"; return 1; }
	run -3 nfcat --check out
}

@test "nfsample: other columns, then targets; a draw a row" {
	nfsample m.nf j.nfs >o.nfs
	[ "$(columns o.nfs)" = "GenJet_eta GenJet_pt Jet_qgl \
GenJet_hadronFlavour ratio id tag n x " ]
	nfcat -c 0:4 -t o.nfs | cmp - <(nfcat -t j.nfs)
	[ "$(nfcat -i o.nfs | sed -n 's/^note	//p' | tail -n 1)" = \
	    "nfsample m.nf seed 0" ]
	nfcat -i o.nfs | grep -qx 'rows	300'
	nfcat -i o.nfs | grep -qx 'type	f32'
	! nfcat -i o.nfs | grep -q ^prep
	nfsample m.nf <j.nfs | cmp - o.nfs
	nfsample m.nf - <j.nfs | cmp - o.nfs
}

@test "nfsample: levels, spikes and whole numbers come out exact" {
	nfsample -n 10 m.nf j.nfs >o.nfs
	[ "$(column id <o.nfs | sort -u | tr '\n' ' ')" = "0 2 6 " ]
	[ "$(column tag <o.nfs | grep -cxF -e -1)" -gt 100 ]
	! column tag <o.nfs | grep -qE '^-1\.0000|^-0\.999'
	column n <o.nfs | awk '$1 != int($1) || $1 < 1 || $1 > 60 { exit 1 }'
	column ratio <o.nfs | awk '$1 < 0.5 || $1 > 2.5 { exit 1 }'
}

@test "nfsample: targets that the input has are replaced" {
	printf 'x0,y1,x2,y0\n7,1,7,2\n' | nfcat >in.nfs
	nfsample bare.nf in.nfs >o.nfs
	[ "$(columns o.nfs)" = "y1 y0 x0 x1 x2 " ]
	printf 'y0,y1\n2,1\n' | nfcat | nfsample bare.nf |
	    nfcat -c 'x*' -t | cmp - <(nfcat -c 'x*' -t o.nfs)
}

@test "nfsample: the type is the input's; float64 passes exactly" {
	printf 'y0,other,y1\n0.1,123456789.123456789,1e-300\n' | nfcat >d.nfs
	nfsample bare.nf d.nfs >o.nfs
	nfcat -i o.nfs | grep -qx 'type	f64'
	nfcat -c 0:3 -t o.nfs | cmp - <(nfcat -t d.nfs)
	nfcat --type f32 d.nfs | nfsample bare.nf >p.nfs
	nfcat -i p.nfs | grep -qx 'type	f32'
	# The draws themselves are the same numbers.
	nfcat --type f32 y.nfs | nfsample bare.nf | nfcat -c 'x*' -t >a
	nfsample bare.nf y.nfs | nfcat --type f32 -c 'x*' | nfcat -t | cmp - a
}

@test "nfsample: whatever the batch, the threads and the pipe's chunks" {
	local o

	nfsample -n 7 --seed 3 m.nf j.nfs >want
	for o in '--batch 1' '--batch 3' '--batch 64' '--batch 100000' \
	    '--threads 2' '--threads 3 --batch 17'; do
		nfsample -n 7 --seed 3 $o m.nf j.nfs | cmp - want
	done
	nfsample -n 7 --seed 3 m.nf < <(
		for ((i = 0; i < $(size j.nfs); i += 1000)); do
			tail -c +$((i + 1)) j.nfs | head -c 1000
		done
	) >got
	cmp got want
	nfsample -z -n 7 --seed 3 m.nf j.nfs >z.nfs
	nfsample --quiet --zstd --repeat=7 --seed 3 m.nf j.nfs | cmp - z.nfs
	[ "$(size z.nfs)" -lt "$(size want)" ]
	nfcat -t want >want.tsv
	nfcat -t z.nfs | cmp - want.tsv
	# Streams of some rows, joined: other frames.
	for ((i = 0; i < 300; i += 50)); do
		nfcat -s $i -n 50 j.nfs
	done | nfcat | nfsample -n 7 --seed 3 m.nf | nfcat -t | cmp - want.tsv
}

@test "nfsample --shard: the parts, joined in order, are the whole" {
	local n i

	nfsample -n 3 m.nf j.nfs >want
	for n in 1 2 7 300 301; do
		for ((i = 0; i < n; i++)); do
			[ $n -lt 300 ] || [ $i -lt 3 ] || [ $i -gt 297 ] ||
			    continue
			nfsample -n 3 --shard $i/$n m.nf j.nfs >part.$i
		done
		[ $n -lt 300 ] || continue
		ls part.* | sort -t . -k 2n | xargs nfcat >got
		cmp <(nfcat -t got) <(nfcat -t want)
		rm part.*
	done
	cat j.nfs | nfsample -n 3 --shard 1/3 m.nf |
	    cmp - <(nfsample -n 3 --shard 1/3 m.nf j.nfs)
	# Of rows whose number only their end tells.
	h5cols --nonfinite=drop -n 300 "$JETS" >k.nfs
	for i in 0 1 2; do
		cat k.nfs | nfsample -n 3 --shard $i/3 m.nf >part.$i
	done
	nfcat part.0 part.1 part.2 | nfcat -c ratio,id,tag,n,x -t |
	    cmp - <(nfcat -c ratio,id,tag,n,x -t want)
}

@test "nfsample -n: draws of a row follow one another, and differ" {
	nfsample -n 3 m.nf j.nfs >three
	nfsample m.nf j.nfs >one
	nfcat -t three | awk 'NR == 1 || NR % 3 == 2' |
	    cmp - <(nfcat -t one)
	[ "$(column x <three | sort -u | wc -l)" -gt 890 ]
	# Oversampling of which nobody counts the draws.
	nfcat -n 1 j.nfs | nfsample -n 20000 --targets-only m.nf |
	    nfcat -n 3 -t | cmp - <(nfcat -n 3 -c ratio,id,tag,n,x -t three)
}

@test "nfsample --seed: another seed, other draws" {
	nfsample m.nf j.nfs >a
	nfsample --seed 0 m.nf j.nfs | cmp - a
	nfsample --seed 1 m.nf j.nfs >b
	[ "$(paste <(column x <a) <(column x <b) | awk '$1 == $2' | wc -l)" \
	    -eq 0 ]
}

@test "nfsample --index, --targets-only" {
	nfsample -n 2 --index m.nf j.nfs >o.nfs
	[ "$(columns o.nfs)" = "row draw GenJet_eta GenJet_pt Jet_qgl \
GenJet_hadronFlavour ratio id tag n x " ]
	nfcat -c row,draw -t o.nfs | tail -n +2 |
	    awk '$1 != int((NR - 1) / 2) || $2 != (NR - 1) % 2 { exit 1 }'
	nfcat -i o.nfs | grep -qx 'type	f64'
	nfsample -n 2 --index --shard 1/2 m.nf j.nfs | column row |
	    head -n 1 | grep -qx 150
	nfsample --targets-only m.nf j.nfs >o.nfs
	[ "$(columns o.nfs)" = "ratio id tag n x " ]
	nfsample m.nf j.nfs | nfcat -c 4:9 -t | cmp - <(nfcat -t o.nfs)
	nfsample --index --targets-only m.nf j.nfs >o.nfs
	[ "$(columns o.nfs)" = "row draw ratio id tag n x " ]
	printf 'y0,row,y1\n1,2,3\n' | nfcat >r.nfs
	run -3 --separate-stderr bash -c 'nfsample --index bare.nf r.nfs >o'
	[ "$stderr" = \
	    'nfsample: stdout: columns 0 and 3 have one name, "row"'"$twice" ]
}

@test "nfsample --rows: a flow without conditions needs no input" {
	nfsample --rows 1000 free.nf >o.nfs </dev/null
	nfcat -i o.nfs | grep -qx 'rows	1000'
	[ "$(columns o.nfs)" = "x0 x1 x2 " ]
	nfsample --rows 500 -n 2 free.nf >p.nfs
	[ "$(column x0 <o.nfs | sort -u | wc -l)" -eq 1000 ]
	nfcat -t p.nfs | awk 'NR == 1 || NR % 2 == 0' |
	    cmp - <(nfcat -n 500 -t o.nfs)
	nfsample --rows 1000 --batch 7 --threads 2 free.nf | cmp - o.nfs
	for i in 0 1 2; do
		nfsample --rows 1000 --shard $i/3 free.nf >part.$i
	done
	nfcat part.? | nfcat -t | cmp - <(nfcat -t o.nfs)
	nfsample --rows 0 free.nf | nfcat -t | cmp - <(echo $'x0\tx1\tx2')
	# With an input it draws for each of its rows.
	nfsample free.nf y.nfs >q.nfs
	[ "$(columns q.nfs)" = "y0 other y1 x0 x1 x2 " ]
	nfcat -c 'x*' q.nfs | nfcat --type f32 | nfcat -t |
	    cmp - <(nfcat -n 3 -t o.nfs)
	fails 2 "--rows: bare.nf wants 2 conditions that are not --given, y0 \
first" nfsample --rows 3 bare.nf
	run -2 nfsample --rows 3 free.nf y.nfs
	[[ $output == "nfsample: --rows wants no FILE"* ]]
}

@test "nfsample --given: as if the input had that column" {
	printf 'y0,other,y1\n7,2,3\n7,0.5,0.25\n7,0,0\n' | nfcat >seven.nfs
	nfsample -n 3 --index bare.nf seven.nfs | nfcat -t >want
	nfsample -n 3 --index --given y0=7 bare.nf y.nfs | nfcat -t |
	    cmp - want
	# A column that is not there is behind those that are.
	nfcat -c other,y1 y.nfs | nfsample -n 3 --index --given y0=7 bare.nf |
	    nfcat -c row,draw,y0,other,y1,x0,x1,x2 -t | cmp - want
	nfcat -c other,y1 y.nfs | nfsample --given y0=7 bare.nf >o.nfs
	[ "$(columns o.nfs)" = "other y1 y0 x0 x1 x2 " ]
	nfsample --targets-only bare.nf seven.nfs | nfcat -t >want
	nfsample --targets-only --given y0=7 bare.nf y.nfs | nfcat -t |
	    cmp - want
	# Through a recipe, and without.
	nfcat -t -c GenJet_hadronFlavour,Jet_qgl j.nfs | awk -v OFS='\t' '
	    { print NR == 1 ? "GenJet_pt" : 40, $0 }' | nfcat --type f32 |
	    nfsample m.nf | nfcat -c ratio,id,tag,n,x -t >want
	nfsample --given GenJet_pt=40 --targets-only m.nf j.nfs | nfcat -t |
	    cmp - want
	nfsample --raw --given GenJet_pt=-0.5 --given GenJet_hadronFlavour:0=0 \
	    --given GenJet_hadronFlavour:4=1 --given GenJet_hadronFlavour:5=0 \
	    --rows 2 m.nf | nfcat -n 1 -c 0:4 -t | tail -n 1 |
	    grep -qx -e $'-0.5\t0\t1\t0'
	nfprep -c <(echo '[prep]
y0 = affine 2 1') y.nfs | nfsample --given y0=7 bare.nf >o.nfs
	! nfcat -i o.nfs | grep -q '^prep	y0'
}

@test "nfsample --given: scans, with no input where all is given" {
	nfsample --given y0=0:1:3 --given y1=-5 --rows 7 bare.nf >o.nfs
	[ "$(columns o.nfs)" = "y0 y1 x0 x1 x2 " ]
	[ "$(column y0 <o.nfs | tr '\n' ' ')" = "0 0.5 1 0 0.5 1 0 " ]
	[ "$(column y1 <o.nfs | sort -u)" = -5 ]
	nfcat -c y0,y1 o.nfs | nfsample bare.nf | nfcat -t |
	    cmp - <(nfcat -t o.nfs)
	for i in 0 1 2; do
		nfsample --given y0=0:1:3 --given y1=-5 --rows 7 --batch 2 \
		    --shard $i/3 bare.nf >part.$i
	done
	nfcat part.? | nfcat -t | cmp - <(nfcat -t o.nfs)
	# A grid: the last changes first.
	nfsample --given y1=1:0:2 --given y0=10:30:3 --rows 7 -n 2 bare.nf |
	    nfcat -c y1,y0 -t | tail -n +2 | awk 'NR % 2' | tr '\t\n' ': ' >got
	[ "$(cat got)" = "1:10 1:20 1:30 0:10 0:20 0:30 1:10 " ]
	# The ends are hit, and rows of an input take the values in turn.
	nfsample --given y0=0.1:0.7:7 --f64 bare.nf y.nfs | column y0 >got
	printf '0.1\n0.2\n0.3\n' | paste got - | awk '
	    ($1 - $2) ^ 2 > 1e-30 { exit 1 }'
	nfsample --given y0=0.1:0.7:3 bare.nf y.nfs | column y0 | tail -n 1 |
	    grep -qx 0.7
	# Many values of many columns: rows are never that many.
	nfsample --given y0=0:1:1000000 --given y1=0:1:1000000 --rows 3 \
	    bare.nf | column y0 | sort -u | grep -qx 0
}

@test "nfsample --given: what it refuses" {
	fails 3 "--given: bare.nf's conditions: no column \"other\" (the \
nearest is \"y0\")" nfsample --given other=3 bare.nf y.nfs
	fails 3 "--given: bare.nf's conditions: no column \"x0\" (the \
nearest is \"y0\")" nfsample --given x0=3 bare.nf y.nfs
	fails 2 "--rows: bare.nf wants 1 conditions that are not --given, y1 \
first" nfsample --rows 3 --given y0=1 bare.nf
	nfcat -c other y.nfs >other.nfs
	run -3 --separate-stderr bash -c \
	    'nfsample --given y0=1 bare.nf other.nfs >o'
	[[ $stderr == *"bare.nf wants a column that is not there: no column \"y1\""* ]]
	fails 3 "row 1, column GenJet_hadronFlavour: onehot 0 4 5 cannot take \
3: it is none of the values: add it to them" \
	    nfsample --given GenJet_hadronFlavour=4:3:2 --given GenJet_pt=30 \
	    --rows 2 m.nf
	refuse()
	{
		run -2 --separate-stderr nfsample "${@:2}" bare.nf y.nfs
		[ "${stderr_lines[0]}" = "nfsample: $1" ]
	}
	refuse "--given y0: want COLUMN=VALUE" --given y0
	refuse "--given =1: want COLUMN=VALUE" --given =1
	refuse "--given y0=1:2: want a number or LO:HI:N" --given y0=1:2
	refuse "--given: '' is not a finite number" --given y0=
	refuse "--given: '1e999' is not a finite number" --given y0=1e999
	refuse "--given: '1' is not a whole number from 2 to 1000000" \
	    --given y0=0:1:1
	refuse "--given y0: -1e39 is beyond single precision" \
	    --given y0=0:-1e39:3
	refuse "--given y0: it is given twice" --given y0=1 --given y0=2
}

@test "nfsample --temperature: noise is scaled, at 0 there is none" {
	nfsample --temperature 1 -n 5 m.nf j.nfs |
	    cmp - <(nfsample -n 5 m.nf j.nfs)
	nfsample -n 5 bare.nf y.nfs | nflogp --latent bare.nf |
	    nfcat -c z0,z1,z2 -t >one
	for t in 0.5 2 0.1; do
		nfsample --temperature $t -n 5 bare.nf y.nfs |
		    nflogp --latent bare.nf | nfcat -c z0,z1,z2 -t |
		    paste one - | awk -v t=$t 'NR > 1 {
			for (i = 1; i <= 3; i++)
				if (($i * t - $(i + 3)) ^ 2 > 1e-8)
					exit 1
		    }'
	done
	nfsample --temperature 0 -n 5 m.nf j.nfs >cold
	nfsample --temperature 0 -n 5 --seed 4 --batch 7 --threads 2 m.nf \
	    j.nfs | nfcat -t >got
	nfcat -t cold | cmp - got
	tail -n +2 got | uniq | wc -l | grep -qx 300
	for t in 0 0.7; do
		nfsample --temperature $t --shard 1/3 -n 2 m.nf j.nfs >part
		nfsample --temperature $t -n 2 m.nf j.nfs | nfcat -s 200 -n 200 |
		    nfcat -t | cmp - <(nfcat -t part)
	done
	for t in -0.1 101; do
		run -2 --separate-stderr nfsample --temperature $t m.nf j.nfs
		[ "${stderr_lines[0]}" = \
		    "nfsample: --temperature $t: want 0 to 100" ]
	done
	run -2 nfsample --temperature nan m.nf j.nfs
	nfsample --temperature 100 -n 100 m.nf j.nfs 2>err | nfcat -t |
	    grep -ciE 'nan|inf' | grep -qx 0
}

@test "nfsample --f64: digits that a float has not" {
	nfsample --f64 m.nf j.nfs >o.nfs
	nfcat -i o.nfs | grep -qx 'type	f64'
	nfcat --type f32 o.nfs | nfcat -t |
	    cmp - <(nfsample m.nf j.nfs | nfcat -t)
	column ratio <o.nfs | awk 'length($1) > 12 { n++ }
	    END { exit !(n > 200) }'
	nfsample --f64 --rows 3 free.nf | nfcat -i | grep -qx 'type	f64'
}

@test "nfsample: progress on a terminal, nothing in a log" {
	run -0 on_terminal "nfsample -n 2000 m.nf j.nfs >o.nfs"
	[[ $output == *" % "*" of 600000 rows  "*" rows/s"* ]]
	[[ $output == *$'\r\033[K' ]]		# which goes when all is done
	run -0 on_terminal "cat j.nfs | nfsample m.nf >o.nfs"
	run -0 on_terminal "h5cols --nonfinite=drop -n 300 '$JETS' |
	    nfsample -n 200 m.nf >o.nfs"
	[[ $output == *" rows  "*" rows/s"* ]]
	run -0 on_terminal "nfsample -q -n 2000 m.nf j.nfs >o.nfs"
	[ -z "$output" ]
	nfsample -n 20 m.nf j.nfs 2>err >o.nfs
	[ ! -s err ]
}

@test "nfsample --raw: what the flow itself draws, with its recipe" {
	nfcat -c 1,3 j.nfs >in.nfs
	nfcat -t in.nfs | awk -v OFS='\t' '
	    NR == 1 { print "GenJet_pt", "GenJet_hadronFlavour:4",
		"GenJet_hadronFlavour:0", "GenJet_hadronFlavour:5"; next }
	    { printf "%.17g\t%d\t%d\t%d\n", (log($1) - 4) / 0.6, $2 == 4,
		$2 == 0, $2 == 5 }' | nfcat >raw.nfs
	nfsample --raw m.nf raw.nfs >o.nfs
	[ "$(nfcat -i o.nfs | grep -c '^prep	')" -eq 4 ]
	nfcat -i o.nfs | grep -qx 'prep	id = seen 0 6, levels 0:0.25 2:0.25 6:0.5'
	nfprep --inverse o.nfs | nfcat -c ratio,id,tag,n,x -t >back
	nfcat --type f64 in.nfs | nfsample --targets-only m.nf |
	    nfcat -t | paste - back | awk 'NR > 1 {
		for (i = 1; i <= 5; i++)
			if (($i - $(i + 5)) ^ 2 > 1e-8 * (1 + $i ^ 2))
				exit 1
	    }'
	# Without a recipe there is no difference.
	nfsample --raw bare.nf y.nfs | cmp - <(nfsample bare.nf y.nfs)
}

@test "nfsample: the recipe of what passes through stays with it" {
	printf '[prep]\nother = affine 2 1\n' >c.cfg
	nfprep -c c.cfg y.nfs | nfsample bare.nf >o.nfs
	nfcat -i o.nfs | grep -q '^prep	other = .*affine 2 1'
	nfprep --inverse o.nfs | nfcat -c other -t |
	    cmp - <(nfcat -c other -t y.nfs)
}

@test "nfsample: no weights and no noise make a NaN" {
	for gain in 1e3 1e10 1e30; do
		mkmodel wild.nf features=3 context=2 steps=3 hidden=8 \
		    weights=random gain=$gain
		nfsample -n 100 wild.nf y.nfs 2>err >o.nfs
		nfcat -t o.nfs | grep -ciE 'nan|inf' | grep -qx 0
	done
	mkmodel m2.nf features=3 context=2 steps=2 hidden=8 batch_norm=0 \
	    weights=random gain=1
	for layer in lu/diag net/initial/weight net/final/bias; do
		cp m2.nf wild.nf
		h5edit wild.nf set /flow/step_00/$layer 0 3e38 \
		    set /flow/step_01/$layer 1 -3e38
		nfsample -n 100 wild.nf y.nfs 2>err >o.nfs
		nfcat -t o.nfs | grep -ciE 'nan|inf' | grep -qx 0
	done
}

@test "nfsample: what had to be bounded is counted" {
	mkmodel o.nf features=3 context=2 weights=identity \
	    prep='x0 = seen 1 5, log 1 0' prep='x1 = seen -1 1, standardize 0 1e38'
	h5edit o.nf set /flow/last/lu/bias 0 -100
	run -0 --separate-stderr bash -c \
	    'nfsample --targets-only -n 1000 o.nf y.nfs >o.nfs'
	[[ $stderr == "nfsample: "*" values were brought back into the range \
seen in training" ]]
	nfcat -t o.nfs | grep -ciE 'nan|inf' | grep -qx 0
}

@test "nfsample: draws under the golden model have their noise as latents" {
	# The latents of what was drawn are the noise, which no model changes.
	mkmodel id.nf features=3 context=2 weights=identity
	mkmodel golden.nf
	for m in id golden bare; do
		nfsample --seed 9 -n 5 $m.nf y.nfs | nflogp --latent $m.nf |
		    nfcat -c 'z*' -t >$m.z
	done
	paste id.z golden.z bare.z | awk 'NR > 1 {
		for (i = 1; i <= 3; i++)
			if (($i - $(i + 3)) ^ 2 > 1e-8 ||
			    ($i - $(i + 6)) ^ 2 > 1e-8)
				exit 1
	    }'
	[ "$(wc -l <id.z)" -eq 16 ]
}

@test "nfsample: the draws are normal where the flow is the identity" {
	mkmodel i.nf features=4 context=0 steps=2 weights=identity
	nfsample --rows 20000 i.nf | nfcat -t | tail -n +2 | awk '{
		for (i = 1; i <= 4; i++) {
			s[i] += $i
			q[i] += $i * $i
			c += $i * $(i % 4 + 1)
			far += $i > 2 || $i < -2
		}
	    } END {
		for (i = 1; i <= 4; i++)
			if ((s[i] / NR) ^ 2 > 1e-3 ||
			    (q[i] / NR - 1) ^ 2 > 2e-3)
				exit 1
		if ((c / NR / 4) ^ 2 > 5e-4 ||
		    (far / NR / 4 - 0.0455) ^ 2 > 1e-5)
			exit 1
	    }'
}

@test "nfsample: a reader that leaves ends it quietly" {
	run -0 --separate-stderr bash -c \
	    'nfsample -n 100000 m.nf j.nfs | head -c 100 >o; exit 0'
	[ -z "$stderr" ]
	[ "$(size o)" -eq 100 ]
	run bash -c 'nfsample -n 100000 m.nf j.nfs | head -c 100 >o
	    exit ${PIPESTATUS[0]}'
	[ "$status" -eq 141 ]
}

@test "nfsample: usage" {
	usage()
	{
		run -2 --separate-stderr nfsample "${@:2}"
		[ -z "$output" ]
		[ "${stderr_lines[0]}" = "nfsample: $1" ]
		[[ ${stderr_lines[1]} == "usage: nfsample "* ]]
	}
	usage "no MODEL"
	usage "more than MODEL and one FILE" m.nf a b
	usage "-n: '0' is not a whole number from 1 to 4294967295" -n 0 m.nf
	usage "--shard 3/3: want I from 0 to N-1" --shard 3/3 m.nf
	usage "--shard 3: want I/N, as 0/8" --shard 3 m.nf
	usage "--shard: '0' is not a whole number from 1 to 1000000" \
	    --shard 0/0 m.nf
	usage "--batch: '0' is not a whole number from 1 to 16777216" \
	    --batch 0 m.nf
	run -2 --separate-stderr on_terminal "nfsample m.nf j.nfs"
	[[ $output == *"refusing to write a stream to a terminal"* ]]
	run -2 on_terminal "nfsample m.nf >o"
	[[ $output == *"standard input is a terminal"* ]]
	mkmodel wide.nf features=1000 context=0 steps=1 blocks=0
	run -1 --separate-stderr bash -c \
	    'nfsample --rows 1 --batch 16777216 wide.nf >o'
	[[ $stderr =~ ^"nfsample: 16777216 rows at a time take 268 GB of \
memory, of which "[0-9.]+" are left: take a smaller batch"$ ]]
}

@test "nfsample: every allocation, read and write may fail, cleanly" {
	faults_built || skip "needs NF_FAULTS"
	fails_cleanly 'nfsample m.nf j.nfs'
}
