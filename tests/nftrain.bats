#!/usr/bin/env bats
# nftrain: what a training leaves, however it was run, stopped and resumed.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	export OMP_NUM_THREADS=1
	jets_cfg >s.cfg
	cat >>s.cfg <<-'END'
	dropout = 0.1
	[train]
	epochs = 3
	batch = 40
	schedule = constant
	END
	h5cols -n 200 "$JETS" >j.nfs
}

# numbers N: a table of columns a, b, c and weights w, as text.
numbers()
{
	awk -v n="$1" -v OFS=, 'BEGIN {
		print "a", "b", "c", "w"
		for (i = 0; i < n; i++)
			print sin(i), sin(i * i), cos(3 * i) + sin(i), 1 + i % 3
	}'
}

# column N <LOG: its values, but for the name.
column()
{
	tail -n +2 | cut -f "$1"
}

# both NAME: the two files of a training as one.
both()
{
	cat "$1" "$1.last"
}

# fails STATUS MESSAGE COMMAND...: it does, in one line, with no output.
fails()
{
	local status_wanted=$1 message=$2

	shift 2
	run -"$status_wanted" --separate-stderr "$@"
	[ -z "$output" ]
	[ "$stderr" = "nftrain: $message" ] || { echo "$stderr"; return 1; }
}

@test "nftrain: trains from a pipe, and says how it goes" {
	h5cols -n 200 "$JETS" | nftrain -c s.cfg 2>err
	[ "$(ls | tr '\n' ' ')" = "err j.nfs s.cfg s.nf s.nf.last " ]
	[ "$(sed -E 's/[0-9]+\.[0-9]+ s/S s/; s/[0-9]+ rows\/s/R rows\/s/
	    s/-?[0-9]\.[0-9]+( |$)/X\1/g; s/, on cpu.*//; s/ best|     //' \
	    err)" = "\
188 rows to train on, 12 to validate, 4 context and 4 target columns
ready after S s
epoch 1/3  train X  valid X  lr X  |g| X  R rows/s  S s
epoch 2/3  train X  valid X  lr X  |g| X  R rows/s  S s
epoch 3/3  train X  valid X  lr X  |g| X  R rows/s  S s" ]
	grep -q 'on cpu (1 thread, ' err
	nfmodel s.nf >got
	grep -q '^flow  *2 steps of 1 blocks, hidden 8, 4 bins$' got
	grep -q '^training  *3 epochs, 12 steps; train nll ' got
	grep -q 'Jet_jetId  *.*levels 0:0.*2:0.*6:0' got
	! grep -q '^checkpoint' got
	nfmodel s.nf.last | grep -q '^checkpoint  *epoch 3, '
	nfmodel --config s.nf | cmp - s.cfg
}

@test "nftrain: one seed, one result, byte by byte; another, another" {
	nftrain -q -c s.cfg -o a.nf j.nfs
	nftrain --quiet --config=s.cfg --output=b.nf <j.nfs
	cmp <(both a.nf) <(both b.nf)
	nftrain -q -c s.cfg --threads 2 -o c.nf j.nfs
	nftrain -q -c s.cfg --threads 2 -o d.nf j.nfs
	cmp <(both c.nf) <(both d.nf)
	nfmodel --history a.nf >a
	nfmodel --history c.nf | paste - a | tail -n +2 | awk '{
		for (i = 1; i <= 8; i++)
			if (($i - $(i + 8)) ^ 2 > 1e-10 * (1 + $i ^ 2))
				exit 1
	    }'
	nftrain -q -c s.cfg --seed 1 -o e.nf j.nfs
	! cmp -s a.nf e.nf
	nfmodel --config e.nf | grep -qx 'seed = 1'
	nftrain -q -c s.cfg --set train.seed=1 -o f.nf j.nfs
	cmp <(both e.nf) <(both f.nf)
}

@test "nftrain: nothing depends on whether rows are counted before they come" {
	local set share

	for share in 0 0.3 0.9; do
		set="--set train.epochs=1 --set data.valid_fraction=$share"
		h5cols -n 200 "$JETS" | nftrain -q -c s.cfg -o a.nf $set
		# How many it will drop h5cols does not know.
		h5cols -n 200 --nonfinite=drop "$JETS" |
		    nftrain -q -c s.cfg -o b.nf $set
		cmp <(both a.nf) <(both b.nf)
	done
}

# In a table of more than a chunk, which is seen before the next is there.
@test "nftrain: rows of which nothing is fitted are prepared as they come" {
	local set="--set train.batch=20000 --set train.epochs=2" from

	jets3() { h5cols "$@" "$JETS" "$JETS" "$JETS"; }
	jets3 | nftrain -q -c s.cfg -o whole.nf $set
	jets3 | nftrain -q -c s.cfg -o part.nf $set --max-time 0.001
	for from in --nonfinite=pass --nonfinite=drop; do	# counted or not
		cp part.nf.last again.nf.last
		jets3 $from | nftrain -q -c s.cfg -o again.nf --resume $set
		cmp <(both whole.nf) <(both again.nf)
	done

	sed -i -e 's/^GenJet_pt.*/GenJet_pt = log/' \
	    -e 's/spike -1, standardize/affine 2 1/' \
	    -e 's/uniform 0.5, standardize/affine 0.1 0/' \
	    -e 's/^Jet_jetId.*/Jet_* = affine 0.2 0/' s.cfg
	jets3 | nftrain -q -c s.cfg -o a.nf $set
	jets3 --nonfinite=drop | nftrain -q -c s.cfg -o b.nf $set
	cmp <(both a.nf) <(both b.nf)

	sed -i 's/affine 2 1/log 1 0.9/' s.cfg
	jets3 | fails 3 "stdin: row 9, column Jet_btagDeepB: log 1 0.9 cannot \
take -1: want A x + B above 0: give another B, clip first, or let a spike \
take the value" nftrain -q -c s.cfg -o a.nf $set
}

@test "nftrain: stopped after every step and resumed, the bytes are the same" {
	local n

	nftrain -q -c s.cfg -o whole.nf j.nfs
	for ((n = 1; n < 12; n++)); do
		run -0 --separate-stderr nftrain -c s.cfg -o s.nf --resume \
		    --max-time 0 j.nfs
		[ "${stderr_lines[-1]}" = "stopped in epoch $((n / 4 + 1)) \
of 3: --resume goes on" ]
	done
	run -0 --separate-stderr nftrain -c s.cfg -o s.nf --resume \
	    --max-time 0 j.nfs
	[[ $stderr != *stopped* ]]
	cmp <(both whole.nf) <(both s.nf)
	nftrain -q -c s.cfg -o s.nf --resume j.nfs	# of a finished one
	cmp <(both whole.nf) <(both s.nf)
}

# until_epoch COMMAND..: run it, send it $signal after its first epoch.
until_epoch()
{
	local pid

	rm -f fifo
	mkfifo fifo
	"$@" --log fifo &
	pid=$!
	exec 8< <(timeout 60 cat fifo)		# no hang if it fails
	head -n 2 <&8 >/dev/null
	kill -"$signal" "$pid"
	cat <&8 >/dev/null
	exec 8<&-
	wait "$pid"
}

@test "nftrain: SIGTERM and SIGINT leave a checkpoint to resume" {
	local e signal code

	for code in 143 130; do
		signal=$((code - 128))
		rm -f s.nf*
		run -$code --separate-stderr \
		    until_epoch nftrain -c s.cfg -o s.nf \
		    --set train.epochs=100000 j.nfs
		[[ ${stderr_lines[-1]} =~ ^"stopped in epoch "([0-9]+)" of \
100000: --resume goes on"$ ]]
		e=$((BASH_REMATCH[1] + 1))
		nfmodel s.nf >/dev/null
		nftrain -q -c s.cfg -o s.nf --set train.epochs=$e --resume \
		    j.nfs
		nftrain -q -c s.cfg -o whole.nf --set train.epochs=$e j.nfs
		cmp <(both whole.nf) <(both s.nf)
	done
}

@test "nftrain: kill -9 at any time leaves whole files, and no loss" {
	local n

	nftrain -q -c s.cfg -o whole.nf j.nfs
	nftrain -q -c s.cfg --seed 5 -o s.nf j.nfs
	cp s.nf old.nf
	# Not yet saved: the old model stands.
	rm s.nf.last
	mkfifo fifo
	nftrain -q -c s.cfg -o s.nf --log fifo --set train.epochs=100000 \
	    j.nfs &
	exec 8< <(timeout 60 cat fifo)		# no hang if it fails
	head -n 2 <&8 >/dev/null
	kill -9 $!
	exec 8<&-
	wait $! || [ $? -eq 137 ]
	cmp s.nf old.nf
	rm -f s.nf*
	for ((n = 0; n < 12; n++)); do
		nftrain -q -c s.cfg -o s.nf --resume --max-time 0 j.nfs &
		sleep 0.0$n
		kill -9 $! 2>/dev/null || true
		wait $! || [ $? -eq 137 ]
		for f in s.nf s.nf.last; do
			[ ! -e $f ] || nfmodel $f >/dev/null
		done
	done
	nftrain -q -c s.cfg -o s.nf --resume j.nfs
	cmp <(both whole.nf) <(both s.nf)
}

@test "nftrain --resume: begins where there is nothing, goes on with more" {
	run -0 --separate-stderr nftrain -c s.cfg --resume j.nfs
	[ "${stderr_lines[0]}" = "s.nf.last is not there: training begins" ]
	nftrain -q -c s.cfg -o more.nf --set train.epochs=5 j.nfs
	nftrain -q -c s.cfg --set train.epochs=5 --resume j.nfs
	cmp <(both more.nf) <(both s.nf)
}

@test "nftrain --resume: refuses what is not the same training" {
	local so="train into another file, or as before"

	nftrain -q -c s.cfg j.nfs
	cp s.nf s0
	cp s.nf.last last0
	no()
	{
		fails 3 "s.nf.last: $1" nftrain -q -c s.cfg --resume "${@:2}"
	}
	no "[train] batch was 40 and now is 50: $so" --set train.batch=50 j.nfs
	no "[train] seed was 0 and now is 7: $so" --seed 7 j.nfs
	no "[flow] hidden was 8 and now is 9: $so" --set flow.hidden=9 j.nfs
	no "[flow] dropout was 0.1 and now is 0: $so" --set flow.dropout=0 \
	    j.nfs
	no "[flow] activation was relu and now is elu: $so" \
	    --set flow.activation=elu j.nfs
	no "[flow] batch_norm was yes and now is no: $so" \
	    --set flow.batch_norm=no j.nfs
	no "context column 1 was \"GenJet_pt\" and now is \"GenJet_eta\": $so" \
	    --set data.context=GenJet_eta,GenJet_hadronFlavour j.nfs
	no "target column 4 was \"Jet_nConstituents\" and now is \"Jet_qgl\": \
$so" --set data.target=Jet_ptRatio,Jet_jetId,Jet_btagDeepB,Jet_qgl j.nfs
	no "target column 3 was \"Jet_btagDeepB\" and now is \"nothing\": $so" \
	    --set data.target=Jet_ptRatio,Jet_jetId j.nfs
	no "[prep] line 1 was \"GenJet_pt = log, standardize\" and now is \
\"GenJet_pt = log\": $so" --set prep.GenJet_pt=log j.nfs
	rows="trained on other rows, or another share of them was left for \
validation: $so"
	h5cols -n 201 "$JETS" >k.nfs
	no "$rows" k.nfs
	nfpermute --rows j.nfs >k.nfs
	no "$rows" k.nfs
	no "$rows" --set data.valid_fraction=0.1 j.nfs
	no "$rows" -v j.nfs j.nfs
	cmp s.nf s0
	cmp s.nf.last last0
	cp s.nf s.nf.last
	no "a model, not a checkpoint" j.nfs
	cp last0 s.nf.last
	nftrain -q -c s.cfg --set train.lr=1e-4 -o s.nf j.nfs
	cp last0 s.nf.last
	fails 3 "s.nf and s.nf.last are not of one training: put back the \
model, or remove the checkpoint and begin anew" \
	    nftrain -q -c s.cfg --resume j.nfs
	head -c 20000 last0 >s.nf.last
	run -3 --separate-stderr nftrain -c s.cfg --resume j.nfs
	[[ $stderr == "nftrain: s.nf.last: "*"truncated file"* ]]
}

@test "nftrain --log: a header and a row an epoch, as in the history" {
	local head='epoch step lr train_nll valid_nll valid_nll_avg5 '

	head+='rows_per_s seconds grad_norm skipped'
	nftrain -q -c s.cfg --log log --set train.epochs=7 j.nfs
	[ "$(head -n 1 log | tr '\t' ' ')" = "$head" ]
	[ "$(column 1 <log | tr '\n' ' ')" = "1 2 3 4 5 6 7 " ]
	[ "$(column 2 <log | tr '\n' ' ')" = "4 8 12 16 20 24 28 " ]
	nfmodel --history s.nf >history
	cut -f 1-6,9,10 log | paste - history | tail -n +2 | awk '{
		for (i = 1; i <= 8; i++)
			if (($i - $(i + 8)) ^ 2 > 1e-16 * (1 + $i ^ 2))
				exit 1
	    }'
	# The mean of the last five epochs' validation, or as many as there are.
	tail -n +2 log | awk '{
		v[NR] = $5
		n = sum = 0
		for (i = NR; i > 0 && i > NR - 5; i--) {
			sum += v[i]
			n++
		}
		if ((sum / n - $6) ^ 2 > 1e-14 * $6 ^ 2 || $7 <= 0 || $8 < 0)
			exit 1
	    }'
}

@test "nftrain --log: a resumed one goes on where the checkpoint is" {
	nftrain -q -c s.cfg --log whole j.nfs
	rm s.nf*
	for n in 1 2 3 4 5 6; do
		nftrain -q -c s.cfg --log log --max-time 0 --resume j.nfs
	done
	[ "$(column 1 <log)" = 1 ]
	# The program died after it had logged epochs 2 and part of 3.
	sed -n 3p whole >>log
	printf '3\t12\t0.0' >>log
	nftrain -q -c s.cfg --log log --resume j.nfs
	cut -f 1-6,9,10 log | cmp - <(cut -f 1-6,9,10 whole)
	rm log
	nftrain -q -c s.cfg --log log --set train.epochs=4 --resume j.nfs
	[ "$(column 1 <log)" = 4 ]
	nftrain -q -c s.cfg --log log j.nfs	# anew
	[ "$(column 1 <log | tr '\n' ' ')" = "1 2 3 " ]
}

@test "nftrain -v: an HDF5 file, a stream, a pipe" {
	h5cols -s 1000 -n 100 "$JETS" >v.nfs
	h5save -o v.h5 v.nfs
	nfcat -c 30,29,28,27,26,25,24,23,22,21,20,19,18,17,16,0:16 v.nfs >w.nfs
	nftrain -q -c s.cfg --validation v.nfs --log a -o a.nf j.nfs
	nftrain -q -c s.cfg -v v.h5 --log b -o b.nf j.nfs
	nftrain -q -c s.cfg -v <(cat w.nfs) --log c -o c.nf j.nfs
	cmp a.nf b.nf
	cmp a.nf c.nf
	[ "$(cut -f 5 a)" = "$(cut -f 5 b)" ]
	run -0 --separate-stderr nftrain -c s.cfg -v v.h5 j.nfs
	[[ ${stderr_lines[0]} == "200 rows to train on, 100 to validate, "* ]]
	# What nflogp says of the best model's validation rows.
	numbers 80 | nfcat >n.nfs
	printf '%s\n' '[data]' 'context = a' 'target = b, c' '[prep]' \
	    '* = affine 1 0.25' '[flow]' 'steps = 2' 'hidden = 8' \
	    'blocks = 1' 'bins = 4' '[train]' 'epochs = 4' 'batch = 20' \
	    >n.cfg
	nftrain -q -c n.cfg -v n.nfs --log log n.nfs
	best=$(column 5 <log | sort -g | head -n 1)
	nflogp --mean n.nf n.nfs | awk -v b="$best" \
	    '($1 - b) ^ 2 > 1e-12 { print $1, b; exit 1 }'
}

@test "nftrain: the best epoch is the model, the last the checkpoint" {
	# So fast that an epoch may be worse than the one before.
	nftrain -q -c s.cfg --set train.epochs=6 --set train.lr=3 \
	    --set train.clip_norm=0 --log log j.nfs
	n=$(column 5 <log | awk 'NR == 1 || $1 < b { b = $1; n = NR }
	    END { print n }')
	nftrain -q -c s.cfg --set train.epochs=$n --set train.lr=3 \
	    --set train.clip_norm=0 -o then.nf j.nfs
	nfmodel --tensors s.nf | cmp - <(nfmodel --tensors then.nf)
	nfmodel --history s.nf | cmp - <(nfmodel --history s.nf.last)
	nfmodel s.nf | grep -q "best validation nll .* in epoch $n$"
}

@test "nftrain: patience ends it, and still has when resumed" {
	run -0 --separate-stderr nftrain -c s.cfg --set train.patience=2 \
	    --set train.epochs=50 --set train.lr=3 \
	    --set train.clip_norm=0 --log log j.nfs
	n=$(column 1 <log | wc -l)
	[ "${stderr_lines[-1]}" = "stopped after epoch $n: patience is out" ]
	[ "$n" -lt 50 ]
	column 5 <log | awk 'NR == 1 || $1 < b { b = $1; n = NR }
	    END { exit NR - n != 2 }'
	cp s.nf a
	cp s.nf.last b
	nftrain -q -c s.cfg --set train.patience=2 --set train.epochs=50 \
	    --set train.lr=3 --set train.clip_norm=0 --log log --resume j.nfs
	cmp s.nf a
	cmp s.nf.last b
	[ "$(column 1 <log | wc -l)" -eq "$n" ]
}

@test "nftrain: without validation the training loss judges" {
	run -0 --separate-stderr nftrain -c s.cfg --log log \
	    --set data.valid_fraction=0 j.nfs
	[[ ${stderr_lines[0]} == "200 rows to train on, 0 to validate, "* ]]
	[[ $stderr != *valid\ * ]]
	[ "$(column 5 <log | sort -u)" = nan ]
	nfmodel s.nf >/dev/null
	# So does a share of which there is no row.
	h5cols -n 3 "$JETS" | nftrain -q -c s.cfg \
	    --set data.valid_fraction=0.001
}

@test "nftrain: weights of any sign count, their scale does not" {
	local k

	printf '%s\n' '[data]' 'context = a' 'target = b, c' '[flow]' \
	    'steps = 2' 'hidden = 8' 'blocks = 1' 'bins = 4' '[train]' \
	    'epochs = 2' 'batch = 20' >n.cfg
	numbers 80 | nfcat >n.nfs
	nftrain -q -c n.cfg --log log n.nfs
	cut -f 4,5,9 log >plain
	for k in 1 1000 -1; do
		awk -F , -v OFS=, -v k=$k 'NR > 1 {
			$4 = k < 0 ? (NR % 4 == 0 ? -1 : 1) : k }
		    { print }' < <(numbers 80) | nfcat |
		    nftrain -q -c n.cfg --set data.weight=w --log log
		cut -f 4,5,9 log | paste - plain | tail -n +2 | awk '{
			for (i = 1; i <= 3; i++)
				d += ($i - $(i + 3)) ^ 2
		    } END { print d }' >d$k
	done
	awk '$1 > 1e-10 { exit 1 }' d1 d1000
	awk '$1 < 1e-6 { exit 1 }' d-1
	nfmodel --config n.nf | grep -qx 'weight = w'
	# What is neither context nor weight is a target.
	nftrain -q -c n.cfg --set data.weight=w --set data.target= n.nfs
	nfmodel n.nf | grep -q 'targets  *2'
	nftrain -q -c n.cfg --set data.target= n.nfs
	nfmodel n.nf | grep -q 'targets  *3'
}

@test "nftrain: weights that cannot be normalised are refused" {
	printf '%s\n' '[data]' 'context = a' 'target = b, c' 'weight = w' \
	    '[flow]' 'steps = 1' 'hidden = 4' 'bins = 4' >n.cfg
	weigh()
	{
		numbers 80 | awk -F , -v OFS=, "NR > 1 { \$4 = $1 } { print }" |
		    nfcat >n.nfs
	}
	weigh 'NR % 2 ? 1 : -1'
	fails 3 "the weights sum to 0 over 80 rows, want more than 0" \
	    nftrain -q -c n.cfg --set data.valid_fraction=0 n.nfs
	weigh 'NR < 40 ? -1 : 0'
	run -3 nftrain -q -c n.cfg n.nfs
	[[ $output == *"the weights "*"sum to -"*", want more than 0" ]]
	cp n.nfs v.nfs
	weigh 1
	fails 3 "the weights of the 80 rows that validate sum to -38, want \
more than 0" nftrain -q -c n.cfg -v v.nfs n.nfs
	weigh 'NR == 7 ? "nan" : 1'
	fails 3 "n.nfs: row 5: weight is nan, want a finite number" \
	    nftrain -q -c n.cfg --set data.valid_fraction=0 n.nfs
	[ "$(ls *.nf* | tr '\n' ' ')" = "j.nfs n.nfs v.nfs " ]
}

@test "nftrain: batches that are not finite are left out, counted, bounded" {
	printf '%s\n' '[data]' 'context = a' 'target = b, c' '[prep]' \
	    '* = none' '[flow]' 'steps = 2' 'hidden = 8' 'blocks = 1' \
	    'bins = 4' '[train]' 'epochs = 3' 'batch = 10' >n.cfg
	numbers 200 | sed '17s/[^,]*/1/2; 17s/[^,]*/1e30/3
	    93s/[^,]*/1e30/2' | nfcat >n.nfs
	run -0 --separate-stderr nftrain -c n.cfg --log log \
	    --set data.valid_fraction=0 n.nfs
	column 10 <log | awk '$1 < 1 || $1 > 2 { exit 1 }'
	[[ ${stderr_lines[2]} == *" batches skipped: not finite" ]]
	column 4 <log | awk '!($1 < 100) { exit 1 }'
	nfmodel n.nf >/dev/null
	awk 'BEGIN { print "a,b,c"; for (i = 0; i < 200; i++)
	    print i / 200 ",1e30,-1e30" }' | nfcat >n.nfs
	run -3 --separate-stderr nftrain -q -c n.cfg -o m.nf \
	    --set train.max_skipped=4 --set data.valid_fraction=0 n.nfs
	[[ $stderr =~ ^"nftrain: epoch 1: "[0-9]+" batches in a row gave a \
loss or gradient that is not finite; lower lr or set clip_norm"$ ]]
	nfmodel m.nf.last >/dev/null
	[ ! -e m.nf ]
	fails 3 "m.nf: not written: no epoch had a finite loss; lower lr, or \
set clip_norm" nftrain -q -c n.cfg -o m.nf --set train.max_skipped=1000 \
	    --set data.valid_fraction=0 n.nfs
}

@test "nftrain: --set goes before the file, and is kept" {
	nftrain -q -c s.cfg --set train.epochs=1 --set flow.steps=3 \
	    --set train.epochs=2 --set 'prep.Jet_*=standardize' j.nfs
	nfmodel s.nf >got
	grep -q '^flow  *3 steps' got
	grep -q ' 2 epochs' got
	grep -q 'Jet_jetId  *.*levels' got	# its own name goes first
	[ "$(nfmodel --config s.nf | sed -n '/^; --set/,$p')" = "; --set
[train]
epochs = 1
[flow]
steps = 3
[train]
epochs = 2
[prep]
Jet_* = standardize" ]
}

@test "nftrain: flows without conditions; one target is none" {
	grep -v '^GenJet' s.cfg >n.cfg
	nftrain -q -c n.cfg --set data.context= j.nfs
	nfmodel n.nf | grep -qx 'conditions  *0'
	nfsample --rows 50 n.nf | nfcat -c Jet_jetId -t | tail -n +2 |
	    grep -vx '[026]' | wc -l | grep -qx 0
	run -3 nftrain -q -c s.cfg --set data.context= \
	    --set data.target=Jet_ptRatio j.nfs
	[[ $output == *"[data]: 1 target column, want at least 2" ]]
}

@test "nftrain: a constant column and two rows are no harm" {
	printf '%s\n' '[data]' 'context = a' 'target = b, c' '[flow]' \
	    'steps = 2' 'hidden = 8' 'blocks = 1' 'bins = 4' '[train]' \
	    'epochs = 2' >n.cfg
	{ echo a,b,c; yes 3,4,5 | head -n 50; } | nfcat >n.nfs
	nftrain -q -c n.cfg n.nfs
	nfsample --targets-only n.nf n.nfs | nfcat --csv | tail -n +2 |
	    awk -F , '($1 - 4) ^ 2 > 100 { exit 1 }'
	nfmodel n.nf | grep -q 'b  *.*standardize 4 1'
	nfcat -n 2 n.nfs | nftrain -q -c n.cfg -o m.nf \
	    --set train.batch=2
}

@test "nftrain: the model's name" {
	mkdir -p deep/er
	cp s.cfg deep/er/best.of.cfg
	cp s.cfg plain
	nftrain -q -c deep/er/best.of.cfg j.nfs
	nftrain -q -c plain j.nfs
	nftrain -q -c s.cfg -o deep/m j.nfs
	[ "$(ls deep/m* *.nf* | tr '\n' ' ')" = "best.of.nf best.of.nf.last \
deep/m deep/m.last j.nfs plain.nf plain.nf.last " ]
	cmp deep/m plain.nf
}

@test "nftrain: quiet, or a live line on a terminal" {
	run -0 nftrain -q -c s.cfg --resume j.nfs
	[ -z "$output" ]
	run -0 on_terminal "nftrain -c s.cfg j.nfs"
	[[ $output == *$'\r'"epoch 1  "*"rows/s"*"epoch 3/3"* ]]
	! nftrain -c s.cfg j.nfs 2>&1 | grep -q $'\r'
}

@test "nftrain: usage" {
	usage()
	{
		run -2 --separate-stderr nftrain "${@:2}"
		[ -z "$output" ]
		[ "${stderr_lines[0]}" = "nftrain: $1" ]
		[[ ${stderr_lines[1]} == "usage: nftrain -c FILE.cfg"* ]]
	}
	usage "no configuration: -c FILE.cfg" j.nfs
	usage "more than one FILE" -c s.cfg a b
	usage "-v: want a file, not standard input" -c s.cfg -v -
	usage "--threads: '0' is not a whole number from 1 to 1024" \
	    -c s.cfg --threads 0
	usage "--seed: '-1' is not a whole number from 0 to \
18446744073709551615" -c s.cfg --seed -1
	usage "--max-time: 'soon' is not a duration: want seconds, or numbers \
with s, m, h or d, as 1h30m" -c s.cfg --max-time soon
	usage "--memory: 'big' is not a size: want bytes, or a number with \
K, M, G or T, as 4G" -c s.cfg --memory big
	run -2 --separate-stderr nftrain -c s.cfg --device gpu j.nfs
	[[ $stderr == "nftrain: "*gpu* ]]
}

@test "nftrain: every allocation, read and write may fail, cleanly" {
	local site n step f

	faults_built || skip "needs NF_FAULTS"
	h5cols -s 900 -n 50 "$JETS" >v.nfs
	nftrain -q -c s.cfg --set train.epochs=1 -v v.nfs -o old.nf j.nfs
	nftrain -q -c s.cfg --set train.epochs=2 -v v.nfs -o new.nf j.nfs
	for site in alloc read write; do
		step=1
		for ((n = 1; n < 20000; n += step)); do
			cp old.nf s.nf
			cp old.nf.last s.nf.last
			run --separate-stderr env NF_FAULT=$site:$n \
			    nftrain -q -c s.cfg --set train.epochs=2 \
			    -v v.nfs --resume j.nfs
			[ "$status" -ne 0 ] || break
			[ "$status" -eq 1 ]
			[ "${#stderr_lines[@]}" -eq 1 ]
			[ "$(ls s.nf* | wc -l)" -eq 2 ]
			# Each is the old one or the new one, whole.
			for f in nf nf.last; do
				cmp -s s.$f old.$f || cmp s.$f new.$f
			done
			[ "$n" -lt 20 ] || step=$((n / 10))
		done
		cmp <(both new.nf) <(both s.nf)
	done
}

@test "nftrain: many epochs that take no time come to an end" {
	timeout 60 nftrain -q -c s.cfg --set train.epochs=200 -o m.nf j.nfs
	[ "$(nfmodel --history m.nf | wc -l)" -eq 201 ]
}
