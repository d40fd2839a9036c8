#!/usr/bin/env bats
# Models from PyTorch and back: nfmodel import and export.  flashsim_tiny.pt
# is what PyTorch wrote of the golden flow (tests/data/README.md).
load lib

tiny=$repo/tests/data/flashsim_tiny.pt
flow=$repo/tests/torch/flow.py

# want_torch: skip a test where there is no PyTorch.
want_torch()
{
	python3=
	for p in /usr/bin/python3 python3; do
		"$p" -c 'import torch, numpy' 2>/dev/null && python3=$p &&
		    return
	done
	skip "no PyTorch"
}

# members FILE.npz: their names, in order.
members()
{
	LC_ALL=C grep -aoE '_transform[A-Za-z0-9_.]*[.]npy' "$1" >names
	head -n $(($(wc -l <names) / 2)) names	# the directory has the rest
}

# The golden rows, as text.
rows()
{
	awk 'BEGIN {
		print "x0,x1,x2,y0,y1"
		for (n = 0; n < 4; n++)
			printf "%.9g,%.9g,%.9g,%.9g,%.9g\n",
			    1.5 * sin(.9 * n + .5), 1.5 * sin(.9 * n + 1.6),
			    1.5 * sin(.9 * n + 2.7), cos(.6 * n),
			    cos(.6 * n - .8)
	}'
}

@test "import: a checkpoint of FlashSim is the model that it was" {
	nfmodel import -o m.nf "$tiny"
	mkmodel want.nf
	cmp <(nfmodel --tensors m.nf) <(nfmodel --tensors want.nf)
	nfmodel m.nf >got
	cat >want <<-'END'
	flow         2 steps of 1 blocks, hidden 4, 4 bins
	             tail bound 1, relu, batch norm, dropout 0
	             least width 0.001, height 0.001, derivative 0.001
	parameters   373
	conditions   2
	  y0  seen
	  y1  seen
	targets      3
	  x0  seen
	  x1  seen
	  x2  seen
	training     3 epochs, 12 steps; train nll 7.29524, validation nll 7.31737
	             best validation nll 7.31737 in epoch 1
	END
	diff want <(head -n 13 got)
	run -0 nfmodel m.nf.last
	[ "${lines[-2]}" = \
	    "checkpoint   epoch 3, batch 0, step 12, seed 0" ]
	[[ ${lines[-1]} == "written by   nfmodel import (nfpipe) "* ]]
}

@test "import: log densities are the golden ones" {
	nfmodel import -o m.nf "$tiny"
	rows | nfcat | nflogp m.nf | nfcat -t -c log_prob | tail -n +2 >got
	printf '%s\n' -7.031569617075 -6.832069625769 -7.162323494822 \
	    -8.243517113416 | paste - got |
	    awk '{ d = $1 - $2 } d < -1e-5 || d > 1e-5 { exit 1 }'
}

@test "import: the configuration is what the checkpoint says" {
	nfmodel import -o m.nf "$tiny"
	nfmodel --config m.nf >got
	cat >want <<-'END'
	[data]
	context = y0,y1

	[prep]
	* = none

	[flow]
	steps = 2
	hidden = 4
	blocks = 1
	bins = 4
	tail_bound = 1
	dropout = 0
	batch_norm = 1
	activation = relu

	[train]
	lr = 0.001
	epochs = 10
	schedule = cosine
	beta1 = 0.9
	beta2 = 0.999
	eps = 1e-08
	END
	diff want got
}

@test "import: training goes on" {
	nfmodel import -o m.nf --set train.batch=4 \
	    --set data.valid_fraction=0 "$tiny"
	nfmodel --config m.nf >m.cfg
	rows | nfcat >rows.nfs
	nftrain -q --resume -c m.cfg -o m.nf --set train.epochs=4 <rows.nfs
	nfmodel --history m.nf.last >got
	[ "$(cut -f 1,2 got | tail -n 2)" = $'3\t12\n4\t13' ]
	# The loss of the golden flow, that has not learned until then.
	tail -n 1 got | awk '$4 < 7.29523 || $4 > 7.29525 { exit 1 }'
}

@test "import: a model stands there when its checkpoint does" {
	mkdir m.nf.last
	run nfmodel import -o m.nf "$tiny"
	[ "$status" -eq 2 ]
	[[ "$output" == 'nfmodel: m.nf.last: '* ]]
	[ ! -e m.nf ]
}

@test "import: what is asked for, and columns' names" {
	nfmodel import -o m.nf --context GenJet_pt,GenJet_eta \
	    --target 'pt, mass,area' --set flow.tail_bound=2.5 \
	    --set flow.min_bin_width=0.01 --set train.epochs=77 \
	    --set 'prep.pt=log 1 0' "$tiny"
	run -0 nfmodel m.nf
	[ "${lines[1]}" = \
	    "             tail bound 2.5, relu, batch norm, dropout 0" ]
	[[ ${lines[2]} == *"width 0.01,"* ]]
	[ "${lines[5]}" = "  GenJet_pt   seen" ]
	[[ ${lines[8]} == "  pt    seen -3.4e+38 3.4e+38, log"* ]]
	run -0 nfmodel --config m.nf
	[[ $output == *"epochs = 77" || $output == *$'epochs = 77\n'* ]]
}

@test "import: a configuration, a table, and its rows for the recipe" {
	cat >m.cfg <<-'END'
	[data]
	context = GenJet_pt, GenJet_mass
	target = Jet_*Ratio, Jet_area
	[prep]
	* = none
	GenJet_pt = log
	Jet_area = standardize
	[train]
	lr = 0.5
	batch = 128
	epochs = 4
	END
	nfmodel import -c m.cfg --table "$JETS" -o m.nf "$tiny"
	nfmodel m.nf >got
	h5cols "$JETS" | nfcat -c GenJet_pt,Jet_area >t.nfs
	nfmodel import -c m.cfg --table <(h5cols "$JETS") -o n.nf "$tiny"
	diff got <(nfmodel n.nf)
	[[ $(grep Jet_area got) == *"standardize 0."* ]]
	[[ $(grep GenJet_pt got) == *"seen 15."*" log 1 0" ]]
	nfmodel --config m.nf >again.cfg
	grep -qx 'lr = 0.5' again.cfg && ! grep -q 'lr = 0.001' again.cfg
	h5cols -n 2000 "$JETS" | nftrain -q --resume -c again.cfg -o m.nf
	[ "$(nfmodel --history m.nf.last | wc -l)" -eq 5 ]
	run -2 --separate-stderr nfmodel import -c m.cfg -o x.nf "$tiny"
	[[ $stderr == *'"Jet_*Ratio" is no column'"'"'s name; which'* ]]
	sed -i 's/Jet_\*Ratio/Jet_ptRatio, Jet_massRatio/' m.cfg
	run -3 --separate-stderr nfmodel import -c m.cfg -o x.nf "$tiny"
	[[ $stderr == *"the recipe leaves something open: give all ops of \
[prep] their numbers"* ]]
	[ ! -e x.nf ]
}

@test "import: contradictions and bad settings" {
	fails()
	{
		run "-$1" --separate-stderr nfmodel import -o x.nf "${@:3}" \
		    "$tiny"
		[[ $stderr == *"$2"* ]] || { echo "$stderr"; return 1; }
		[ "${#stderr_lines[@]}" -eq 1 ]
		[ ! -e x.nf ] && [ ! -e x.nf.last ]
	}
	fails 3 "[flow] steps is 8, but the checkpoint's is 2: leave it out" \
	    --set flow.steps=8
	fails 3 "[flow] activation is elu, but the checkpoint's is relu" \
	    --set flow.activation=elu
	fails 3 "dropout is 0.5, but the checkpoint's is 0" \
	    --set flow.dropout=0.5
	fails 2 "no key \"step\" in [flow]" --set flow.step=8
	fails 3 "a flow of 2 conditions and 3 targets, but the columns make \
1 and 3" --context a --target b,c,d
	fails 3 "a flow of 2 conditions and 3 targets, but the columns make \
2 and 2" --context a,e --target b,c
	fails 2 "\"Jet_*\" is no column's name; which columns it means, \
--table FILE tells" --target 'Jet_*'
	fails 2 "\"0:14\" is no column's name" --context 0:14
	fails 1 "none.cfg: No such file" -c none.cfg
	fails 1 "none.h5: No such file" --table none.h5
	: >empty
	fails 3 "the input is empty" --table empty
	printf 'a,b,c,d,e\n' >names.csv
	printf '[data]\ncontext=a,b\n[prep]\na=standardize\n' >m.cfg
	fails 3 "names.csv: no rows to fit the recipe to" --table names.csv \
	    -c m.cfg
	run -1 --separate-stderr nfmodel import -o x.nf none.pt
	[ "$stderr" = "nfmodel: none.pt: No such file or directory" ]
	run -2 --separate-stderr nfmodel import -o x.nf .
	[[ $stderr == *": neither a pipe nor a directory, but a file is wanted" ]]
	run -1 --separate-stderr nfmodel import -o none/x.nf "$tiny"
	cp "$tiny" own.pt
	run -2 --separate-stderr nfmodel import -o ./own.pt own.pt
	[ "$stderr" = "nfmodel: ./own.pt: the checkpoint, which the model \
would replace: want another -o" ]
	cmp own.pt "$tiny"
}

@test "import: usage" {
	usage()
	{
		run -2 --separate-stderr nfmodel "${@:2}"
		[ "${stderr_lines[0]}" = "nfmodel: $1" ]
	}
	usage "want one CHECKPOINT" import -o x.nf
	usage "where to? -o MODEL" import "$tiny"
	usage "where to? -o FILE.npz or FILE.h5" export m.nf
	usage "want one MODEL" export --output x.npz
	usage "-o: 'x.zip' does not end in .npz or .h5" export -o x.zip m.nf
	usage "import and export print nothing" import --history -o x "$tiny"
	usage "-c, --table, --context, --target and --set are for import" \
	    --set a.b=c m.nf
	usage "-c, --table, --context, --target and --set are for import" \
	    export -c x -o x.npz m.nf
	usage "--width and --ascii are for --plot" --width 80 m.nf
	usage "-o is for --plot, import and export" -o x m.nf
	usage "data.context: once is enough" import --context a --context b \
	    -o x.nf "$tiny"
}

@test "export: every tensor, under nflows' names, in their order" {
	nfmodel import -o m.nf "$tiny"
	nfmodel export -o m.npz m.nf
	members m.npz >got
	p=_transform._transforms
	n=$p.0._transforms.1.transform_net
	head -n 8 got | diff - <(printf '%s.npy\n' \
	    $p.0._transforms.0._transforms.0._permutation \
	    $p.0._transforms.0._transforms.1.{bias,lower_entries} \
	    $p.0._transforms.0._transforms.1.upper_entries \
	    $p.0._transforms.0._transforms.1.unconstrained_upper_diag \
	    $p.0._transforms.1.{identity,transform}_features \
	    $n.initial_layer.weight)
	sed -n '10,14p' got | diff - <(printf '%s.npy\n' \
	    $n.blocks.0.batch_norm_layers.0.{weight,bias} \
	    $n.blocks.0.batch_norm_layers.0.running_{mean,var} \
	    $n.blocks.0.batch_norm_layers.0.num_batches_tracked)
	[ "$(wc -l <got)" -eq 59 ]
	[ "$(tail -n 1 got)" = \
	    $p.2._transforms.1.unconstrained_upper_diag.npy ]
	if command -v unzip >/dev/null; then
		unzip -tq m.npz
	fi
	nfmodel export -o m.h5 m.nf
	h5ls m.h5 2>/dev/null | wc -l || true
}

@test "export: equal models make equal files, and whole ones" {
	mkmodel m.nf train=1 history=3
	for f in npz h5; do
		nfmodel export -o a.$f m.nf
		nfmodel export -o b.$f m.nf
		cmp a.$f b.$f
		run -1 --separate-stderr nfmodel export -o none/a.$f m.nf
		[ -n "$stderr" ]
		(trap '' XFSZ && ulimit -f 8 &&
		    ! nfmodel export -o c.$f m.nf 2>err)
		[ ! -e c.$f ]
		[ -s err ]
	done
	[ "$(ls | grep -c tmp)" -eq 0 ]
	run -3 --separate-stderr nfmodel export -o x.npz a.npz
	[ ! -e x.npz ]
}

@test "torch: what it saves is imported, and comes back the same" {
	want_torch
	local forms="npz h5" back=() i f

	"$python3" -c 'import h5py' || forms=npz
	"$python3" "$flow" random 1.pt \
	    -- random 2.pt batch_norm=0 activation=relu tail_bound=1 \
	    -- random 3.pt context=0 features=4 \
	    -- random 4.pt features=2 steps=1 blocks=1 \
	    -- random 5.pt activation=leaky_relu steps=11 features=9
	for i in 1 2 3 4 5; do
		nfmodel import -o $i.nf $i.pt
		for f in $forms; do
			nfmodel export -o $i.$f $i.nf.last
			back+=(same $i.pt $i.$f --)
		done
	done
	"$python3" "$flow" "${back[@]::${#back[@]}-1}"
}

@test "torch: log densities are PyTorch's" {
	want_torch
	awk 'BEGIN {
		srand(1)
		for (i = 0; i < 1600; i++)
			printf "%.7g%s", 4 * rand() - 2,
			    i % 8 == 7 ? "\n" : " "
	}' >rows
	"$python3" "$flow" random 1.pt -- eval 1.pt rows \
	    -- random 2.pt batch_norm=0 activation=relu tail_bound=1 \
	    -- eval 2.pt rows >want
	for i in 1 2; do
		nfmodel import -o $i.nf $i.pt
		{ echo x0 x1 x2 x3 x4 y0 y1 y2; cat rows; } | nfcat |
		    nflogp $i.nf | nfcat -t -c log_prob | tail -n +2
	done >got
	paste want got | awk '{ d = $1 - $2 }
	    !(d > -2e-5 && d < 2e-5) { print; bad = 1 }
	    END { exit bad || NR != 400 }'
}

@test "torch: a resumed training takes the step that PyTorch takes" {
	want_torch
	nfmodel import -o m.nf --set train.batch=4 \
	    --set data.valid_fraction=0 "$tiny"
	nfmodel --config m.nf >m.cfg
	rows | nfcat | nftrain -q --resume -c m.cfg -o m.nf \
	    --set train.epochs=4 --set train.schedule=constant \
	    --set train.lr=0.0007938926261462366
	nfmodel export -o m.npz m.nf.last
	"$python3" "$flow" step "$tiny" m.npz
}

@test "torch: a state_dict alone, also of a wrapped module" {
	want_torch
	"$python3" "$flow" random c.pt -- random s.pt form=state \
	    -- random m.pt form=module
	nfmodel import -o c.nf c.pt
	for f in s m; do
		nfmodel import -o $f.nf --set flow.activation=elu \
		    --set flow.tail_bound=2.5 $f.pt
		cmp <(nfmodel --tensors c.nf) <(nfmodel --tensors $f.nf)
		diff <(nfmodel c.nf | head -n 3) <(nfmodel $f.nf | head -n 3)
		[ ! -e $f.nf.last ]
		run -0 nfmodel $f.nf
		[[ $output == *"training     no history"* ]]
	done
}

@test "torch: the small checkpoint can be made again" {
	want_torch
	"$python3" "$flow" golden flashsim_tiny.pt
	nfmodel import -o a.nf flashsim_tiny.pt
	nfmodel import -o b.nf "$tiny"
	cmp a.nf b.nf || cmp <(nfmodel --tensors a.nf) \
	    <(nfmodel --tensors b.nf)
}

@test "import, export: every allocation, read and write may fail" {
	faults_built || skip "needs a build with NF_FAULTS"
	local site n
	for site in alloc read write; do
		for ((n = 1; ; n += 1 + n / 8)); do
			run --separate-stderr env NF_FAULT=$site:$n \
			    nfmodel import -o m.nf "$tiny"
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ] && [ "${#stderr_lines[@]}" -eq 1 ]
			rm -f m.nf		# or the checkpoint failed
		done
		[ "$n" -gt 1 ]
	done
	nfmodel import -o m.nf "$tiny"
	for site in alloc read write; do
		for ((n = 1; ; n += 1 + n / 8)); do
			run --separate-stderr env NF_FAULT=$site:$n \
			    nfmodel export -o m.npz m.nf
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ] && [ "${#stderr_lines[@]}" -eq 1 ]
			[ ! -e m.npz ]
		done
		rm m.npz
	done
	[ "$(ls | grep -c tmp)" -eq 0 ]
}
