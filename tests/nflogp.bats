#!/usr/bin/env bats
# nflogp: densities that integrate to one, in the columns' own units.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	export OMP_NUM_THREADS=1
	mkmodel golden.nf columns_target=a,b,c columns_context=p,q
	# The rows of the golden vectors.
	awk -v OFS='\t' 'BEGIN {
		print "q", "a", "b", "c", "other", "p"
		for (n = 0; n < 4; n++)
			printf "%.17g\t%.17g\t%.17g\t%.17g\t%d\t%.17g\n",
			    cos(0.6 * n - 0.8), 1.5 * sin(0.9 * n + 0.5),
			    1.5 * sin(0.9 * n + 1.6),
			    1.5 * sin(0.9 * n + 2.7), n, cos(0.6 * n)
	    }' | nfcat >g.nfs
	# Two targets that nothing conditions, with a recipe; rows for it.
	mkmodel two.nf features=2 context=0 steps=3 hidden=12 bins=6 \
	    weights=random gain=0.5 tail_bound=4 columns_target=u,v \
	    prep='u = seen 0.1 9, log 1 0, standardize 0.25 0.5' \
	    prep='v = seen -9 9, affine 0.5 1, standardize -1 2'
}

# column NAME <STREAM: its values, one a line.
column()
{
	nfcat -c "$1" -t | tail -n +2
}

# near A B TOLERANCE: the numbers of two files, as many in each.
near()
{
	[ "$(wc -w <"$1")" -eq "$(wc -w <"$2")" ]
	paste <(xargs -n 1 <"$1") <(xargs -n 1 <"$2") | awk -v e="$3" '
	    !(($1 - $2) ^ 2 <= e * e * (1 + $2 ^ 2)) {
		print $1, $2; bad = 1 } END { exit bad }'
}

fails()
{
	local status_wanted=$1 message=$2

	shift 2
	run -"$status_wanted" --separate-stderr bash -c '"$@" >out' sh "$@"
	[ "$stderr" = "nflogp: $message" ] || { echo "$stderr"; return 1; }
	run -3 nfcat --check out
}

@test "nflogp: the golden vectors" {
	nflogp golden.nf g.nfs | column log_prob >got
	echo -7.031569617075 -6.832069625769 -7.162323494822 \
	    -8.243517113416 >want
	near got want 2e-6
	nflogp --latent golden.nf g.nfs | nfcat -c z0,z1,z2 -t |
	    tail -n +2 >got
	echo 0.122962874953 -0.112081041077 0.836303549653 \
	    0.467601386660 -0.087988211653 0.551222574547 \
	    0.850153302346 0.299365290962 -0.070286534181 \
	    0.928864112594 0.594603271595 -0.452284374694 >want
	near got want 2e-6
	nflogp --mean golden.nf g.nfs >got
	echo 7.3173699627705 >want
	near got want 2e-6
}

@test "nflogp: input columns, exactly, then what was asked" {
	nflogp golden.nf g.nfs >o.nfs
	[ "$(nfcat -i o.nfs | sed -n 's/^column	//p' | tr '\n' ' ')" = \
	    "q a b c other p log_prob " ]
	nfcat -c 0:6 -t o.nfs | cmp - <(nfcat -t g.nfs)
	nfcat -i o.nfs | grep -qx 'type	f64'
	nfcat -i o.nfs | grep -qx 'rows	4'
	[ "$(nfcat -i o.nfs | sed -n 's/^note	//p' | tail -n 1)" = \
	    "nflogp golden.nf seed 0" ]
	nflogp --latent golden.nf <g.nfs >o.nfs
	[ "$(nfcat -i o.nfs | sed -n 's/^column	//p' | tr '\n' ' ')" = \
	    "q a b c other p z0 z1 z2 " ]
	nfcat --type f32 g.nfs >f.nfs
	nflogp golden.nf f.nfs >o.nfs	# f64 all the same
	nfcat -i o.nfs | grep -qx 'type	f64'
	nfcat -c 0:6 --type f32 o.nfs | nfcat -t | cmp - <(nfcat -t f.nfs)
	nflogp --zstd golden.nf g.nfs | cmp - <(nflogp -z golden.nf g.nfs)
	nflogp -z golden.nf g.nfs | nfcat -t |
	    cmp - <(nflogp golden.nf g.nfs | nfcat -t)
}

@test "nflogp: whatever the batch and the threads" {
	nfsample --rows 500 two.nf >s.nfs
	nflogp two.nf s.nfs >want
	for o in '--batch 1' '--batch 7' '--threads 2' \
	    '--threads 3 --batch 100' '--batch 100000'; do
		nflogp $o two.nf s.nfs | cmp - want
	done
	cat s.nfs | nflogp two.nf - | cmp - want
	nfcat -s 123 -n 1 s.nfs | nflogp two.nf | column log_prob |
	    cmp - <(column log_prob <want | sed -n 124p)
}

@test "nflogp: a density in physical units integrates to one" {
	awk 'BEGIN {
		print "v,u"
		for (i = 0; i < 160; i++)
			for (j = 0; j < 160; j++)
				print -25 + (i + 0.5) * 42 / 160 "," \
				    exp(-3 + (j + 0.5) * 6 / 160)
	    }' | nfcat | nflogp two.nf | nfcat -c u,log_prob -t |
	    tail -n +2 | awk '{
		sum += exp($2) * $1 * 42 / 160 * 6 / 160
	    } END { print sum; exit (sum - 1) ^ 2 > 1e-6 }'
}

@test "nflogp: with the recipe as without it, but for its slope" {
	nfsample --rows 200 two.nf | nfcat --type f64 >s.nfs
	nflogp two.nf s.nfs | column log_prob >got
	nfcat -c u,v -t s.nfs | awk -v OFS='\t' 'NR == 1 { print; next }
	    { printf "%.17g\t%.17g\n", (log($1) - 0.25) / 0.5,
		(0.5 * $2 + 1 + 1) / 2 }' | nfcat >raw.nfs
	nflogp --raw two.nf raw.nfs | column log_prob |
	    paste - <(column u <s.nfs) |
	    awk '{ printf "%.9f\n", $1 - log($2 * 0.5) + log(0.25) }' >want
	near got want 1e-5
	nflogp --raw --latent two.nf raw.nfs | nfcat -c z0,z1 -t |
	    tail -n +2 >a
	nflogp --latent two.nf s.nfs | nfcat -c z0,z1 -t | tail -n +2 >b
	near a b 1e-5
	# The other way: nfprep applies what the model holds.
	{ echo '[prep]'; nfmodel two.nf | sed -n 's/^  \([uv]\)  /\1 = /p'; } \
	    >c.cfg
	nfprep -c c.cfg s.nfs | nflogp --raw --latent two.nf |
	    nfcat -c z0,z1 -t | tail -n +2 | cmp - b
}

@test "nflogp: log_prob is what latents say of a change of variables" {
	# Central differences of the latents about every row, per column.
	nfsample --rows 40 two.nf | nfcat --type f64 -t | awk -v OFS='\t' '
	    NR == 1 { print; next } {
		h = 2e-3
		print $1 * (1 + h), $2
		print $1 * (1 - h), $2
		print $1, $2 + h
		print $1, $2 - h
		print $1, $2
	    }' | nfcat >d.nfs
	nflogp two.nf d.nfs | column log_prob >logp
	nflogp --latent two.nf d.nfs | nfcat -c u,z0,z1 -t | tail -n +2 |
	    paste - logp | awk '{
		k = (NR - 1) % 5
		z0[k] = $2
		z1[k] = $3
		if (k != 4)
			next
		h = 2e-3
		a = (z0[0] - z0[1]) / (2 * h * $1)
		b = (z1[0] - z1[1]) / (2 * h * $1)
		c = (z0[2] - z0[3]) / (2 * h)
		d = (z1[2] - z1[3]) / (2 * h)
		det = a * d - b * c
		want = log(det < 0 ? -det : det)
		want -= ($2 * $2 + $3 * $3) / 2 + log(6.283185307179586)
		bad += (want - $4) ^ 2 > 1e-4
	    } END { print bad; exit bad > 4 }'	# a knot may lie between
}

@test "nflogp --mean: the mean of what it says of each" {
	nfsample --rows 3000 two.nf >s.nfs
	nflogp --mean two.nf s.nfs >mean
	nflogp two.nf s.nfs | column log_prob |
	    awk '{ s -= $1 } END { printf "%.9g\n", s / NR }' >want
	near mean want 1e-9
	# Of its own draws that is the flow's entropy, in either form.
	nflogp --mean --threads 2 --batch 11 two.nf s.nfs | cmp - mean
	nfcat -n 0 s.nfs >none.nfs
	run -3 --separate-stderr nflogp --mean two.nf none.nfs
	[ "$stderr" = "nflogp: none.nfs: no rows: there is no mean" ]
	[ -z "$output" ]
	nflogp two.nf none.nfs | nfcat -t | cmp - <(echo $'u\tv\tlog_prob')
	run -1 bash -c 'nflogp --mean two.nf s.nfs >/dev/full'
	[[ $output == "nflogp: stdout: "*"No space left on device" ]]
	run -0 on_terminal "nflogp --mean two.nf s.nfs"
	[[ $output == [0-9]* ]]
}

@test "nflogp: an op that draws makes the density one of the draw" {
	mkmodel d.nf features=2 context=0 weights=random steps=2 hidden=8 \
	    columns_target=id,n prep='id = seen 0 6, levels 0:0.25 6:0.75' \
	    prep='n = seen 1 60, uniform 0.5 1 60, standardize 30 12'
	nfsample --rows 200 d.nf >s.nfs
	nflogp d.nf s.nfs | column log_prob >a
	nflogp --seed 0 d.nf s.nfs | column log_prob | cmp - a
	nflogp --seed 1 d.nf s.nfs | column log_prob >b
	! cmp -s a b
	nfprep --inverse < <(nfsample --raw --rows 200 d.nf) | nfcat -t |
	    cmp - <(nfcat -t s.nfs)
	# Where the flow is the identity, it too is standard normal in a level's
	# cell, and what draws there changes nothing in the mean.
	mkmodel i.nf features=2 context=0 weights=identity \
	    columns_target=id,n prep='id = seen 0 6, levels 0:0.25 6:0.75' \
	    prep='n = seen -200 200, uniform 0.5 -200 200, standardize 0 12'
	nfsample --rows 20000 i.nf | nflogp --mean i.nf |
	    awk '{ printf "%.6f\n", $1 - log(12) }' >got
	echo 2.837877 >want		# 1 + log(2 pi)
	near got want 0.01
}

@test "nflogp: what is missing or not a number is named" {
	nfcat -c a,b,p,q,other g.nfs >in.nfs
	fails 3 "in.nfs: golden.nf wants a column that is not there: no \
column \"c\" (the nearest is \"a\")" nflogp golden.nf in.nfs
	nfcat -t g.nfs | awk -v OFS='\t' 'NR == 4 { $3 = "nan" } { print }' |
	    nfcat >nan.nfs
	fails 3 "nan.nfs: row 2, column b: the value is nan; drop such rows, \
as h5cols --nonfinite=drop does" nflogp golden.nf nan.nfs
	fails 3 "nan.nfs: row 2, column b: the value is nan; drop such rows, \
as h5cols --nonfinite=drop does" nflogp --batch 1 golden.nf nan.nfs
	printf 'u,v\n1,1\n-1,1\n' | nfcat >neg.nfs
	fails 3 "neg.nfs: row 1, column u: log 1 0 cannot take -1: want \
A x + B above 0: give another B, clip first, or let a spike take the value" \
	    nflogp two.nf neg.nfs
	printf 'u,v\n1,1e300\n' | nfcat >big.nfs
	run -3 --separate-stderr bash -c 'nflogp two.nf big.nfs >out'
	[[ $stderr == "nflogp: big.nfs: row 0, column v: "*"1e+300"* ]]
	run -3 --separate-stderr bash -c 'nflogp --raw two.nf big.nfs >out'
	[[ $stderr == "nflogp: big.nfs: row 0, column v: "*"1e+300"* ]]
	nflogp golden.nf g.nfs >once.nfs
	fails 3 'stdout: columns 6 and 7 have one name, "log_prob"'"$twice" \
	    nflogp golden.nf once.nfs
	nflogp --latent golden.nf once.nfs | nflogp --mean golden.nf >/dev/null
}

@test "nflogp: far out, a density is small but finite" {
	printf 'u,v\n1e-30,1\n1e30,1e30\n1,3e38\n' | nfcat >far.nfs
	run -0 --separate-stderr bash -c \
	    'nflogp two.nf far.nfs | nfcat -c log_prob -t'
	[ "${#lines[@]}" -eq 4 ]
	for l in "${lines[@]:1}"; do
		[[ $l == -[0-9]* ]]
	done
}

@test "nflogp: usage" {
	usage()
	{
		run -2 --separate-stderr nflogp "${@:2}"
		[ -z "$output" ]
		[ "${stderr_lines[0]}" = "nflogp: $1" ]
		[[ ${stderr_lines[1]} == "usage: nflogp "* ]]
	}
	usage "no MODEL"
	usage "more than MODEL and one FILE" golden.nf a b
	usage "--latent and --mean exclude each other" --latent --mean golden.nf
	usage "--batch: '0' is not a whole number from 1 to 16777216" \
	    --batch 0 golden.nf
	run -2 --separate-stderr on_terminal "nflogp golden.nf g.nfs"
	[[ $output == *"refusing to write a stream to a terminal"* ]]
}

@test "nflogp: every allocation, read and write may fail, cleanly" {
	faults_built || skip "needs NF_FAULTS"
	fails_cleanly 'nflogp golden.nf g.nfs'
}
