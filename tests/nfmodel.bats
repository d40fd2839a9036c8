#!/usr/bin/env bats
# Model files, nfmodel(5): written, read, shown and refused.  mkmodel writes
# them as the programs do, h5edit changes them as scripts and accidents do.
load lib

final=/flow/step_01/net/final/weight		# 11 x 4

# refuses MESSAGE EDIT...: the model m.nf, so edited, is refused.
refuses()
{
	cp m.nf edited.nf
	h5edit edited.nf "${@:2}"
	run -3 --separate-stderr nfmodel edited.nf
	[ -z "$output" ]
	[ "$stderr" = "nfmodel: edited.nf: $1" ]
}

# same EDIT...: the model m.nf, so edited, has the same numbers.
same()
{
	cp m.nf edited.nf
	h5edit edited.nf "$@"
	cmp <(nfmodel --tensors m.nf) <(nfmodel --tensors edited.nf)
}

# whole: a model with everything in it, m.nf.
whole()
{
	printf '[flow]\n\tsteps = 2\n; \303\251\n' >m.cfg
	mkmodel m.nf train=1 history=5 config=m.cfg \
	    columns_context=GenJet_pt,GenJet_eta \
	    columns_target=pt,phi,n prep='GenJet_pt = log' \
	    prep='pt = log, standardize 3.5 0.25' prep='n = uniform 0.5'
}

@test "nfmodel: shows shape, columns, recipe and training" {
	whole
	nfmodel m.nf >got
	cat >want <<-'END'
	flow         2 steps of 1 blocks, hidden 4, 4 bins
	             tail bound 1, relu, batch norm, dropout 0
	             least width 0.001, height 0.001, derivative 0.001
	parameters   373
	conditions   2
	  GenJet_pt   log
	  GenJet_eta
	targets      3
	  pt   log, standardize 3.5 0.25
	  phi
	  n    uniform 0.5
	training     5 epochs, 100 steps; train nll -0.5, validation nll 2.75
	             best validation nll 1.75 in epoch 3
	checkpoint   epoch 3, batch 7, step 67, seed 18364758544493064720
	written by   mkmodel 1
	END
	diff want got
}

@test "nfmodel: a model of numbers alone" {
	mkmodel m.nf context=0 batch_norm=0 activation=leaky_relu dropout=0.1 \
	    tail_bound=3.5 min_bin_width=1e-4
	nfmodel m.nf >got
	cat >want <<-'END'
	flow         2 steps of 1 blocks, hidden 4, 4 bins
	             tail bound 3.5, leaky_relu, no batch norm, dropout 0.1
	             least width 0.0001, height 0.001, derivative 0.001
	parameters   301
	conditions   0
	targets      3
	  x0
	  x1
	  x2
	training     no history
	written by   mkmodel 1
	END
	diff want got
}

@test "nfmodel: the published models have the numbers of parameters" {
	mkmodel m.nf features=17 context=14 steps=17 hidden=298 blocks=10 \
	    bins=128 weights=identity
	run -0 nfmodel m.nf
	[ "${lines[3]}" = "parameters   47,986,595" ]
	rm m.nf
	mkmodel m.nf features=22 context=30 steps=22 hidden=256 blocks=10 \
	    bins=128 weights=identity
	run -0 nfmodel m.nf
	[ "${lines[3]}" = "parameters   54,988,164" ]
	rm m.nf
}

@test "nfmodel --history: a row an epoch, with a header" {
	whole
	nfmodel --history m.nf >got
	{
		echo epoch step lr train_nll valid_nll valid_nll_avg5 \
		    grad_norm skipped
		echo 1 20 0.001 3.5 nan 3.7 0.1 0
		echo 2 40 0.0005 2.5 2.75 3.7 0.1 1
		echo 3 60 0.0003333333333333333 1.5 1.75 3.7 0.1 0
		echo 4 80 0.00025 0.5 3.75 3.7 0.1 0
		echo 5 100 0.0002 -0.5 2.75 3.7 0.1 0
	} | tr ' ' '\t' >want
	diff want got
	mkmodel m.nf
	nfmodel --history m.nf >got
	diff <(head -n 1 want) got
}

@test "nfmodel --history: columns are known by name, others are left" {
	whole
	h5edit m.nf names /names x unset /history columns \
	    shape /history 2x1 vstr /history columns lr
	nfmodel --history m.nf >got
	[ "$(sed -n 2p got)" = $'nan\tnan\t1'"$(printf '\tnan%.0s' {1..5})" ]
}

@test "nfmodel --config: the configuration as it was" {
	whole
	nfmodel --config m.nf | cmp - m.cfg
	seq 30000 >long.cfg				# beyond 64 KiB
	mkmodel m.nf config=long.cfg
	nfmodel --config m.nf | cmp - long.cfg
	mkmodel m.nf
	run -3 --separate-stderr nfmodel --config m.nf
	[ "$stderr" = "nfmodel: m.nf: holds no configuration" ]
}

@test "nfmodel --tensors: every tensor, in order, with its numbers" {
	mkmodel m.nf
	nfmodel --tensors m.nf >got
	[ "$(wc -l <got)" -eq 49 ]
	[ "$(head -n 1 got)" = $'tensor\tshape\tmin\tmax\tmean\tstd' ]
	[ "$(cut -f 1,2 got | tail -n 1)" = $'last/lu/diag\t3' ]
	# The golden rule, by awk: tensor 6 is a norm's weight of 4.
	awk 'BEGIN { for (j = 0; j < 4; j++) {
		v = 1 + 0.4 * sin(1.3 * 6 + 0.7 * j + 0.2)
		if (j == 0 || v < lo) lo = v
		if (j == 0 || v > hi) hi = v
		sum += v; sq += v * v }
	    printf "%.5f %.5f %.5f %.5f\n", lo, hi, sum / 4,
		sqrt(sq / 4 - sum * sum / 16) }' >want
	awk '$1 == "step_00/net/block_00/norm_0/weight" {
	    printf "%.5f %.5f %.5f %.5f\n", $3, $4, $5, $6 }' got | diff want -
}

@test "model file: written, read and written again, the bytes are the same" {
	whole
	mkmodel n.nf from=m.nf
	cmp m.nf n.nf
	sleep 1.1			# nor do they hold the time
	mkmodel n.nf from=m.nf
	cmp m.nf n.nf
	mkmodel m.nf features=5 context=4 steps=3 hidden=100 blocks=2 \
	    weights=random gain=2 train=1 columns_target=a,b,c,d,e \
	    columns_context=f,g,h,i	# of chunks, too
	mkmodel n.nf from=m.nf
	cmp m.nf n.nf
}

@test "model file: /flow alone is enough" {
	whole
	h5edit m.nf only /flow
	run -0 nfmodel m.nf
	[ "${lines[5]}" = "  y0" ]
	[ "${lines[6]}" = "  y1" ]
	[ "${lines[8]}" = "  x0" ]
	[ "${lines[11]}" = "training     no history" ]
	[ "${lines[12]}" = "written by   unknown" ]
	h5edit m.nf unset /flow dropout group /flow/extra group /more
	nfmodel m.nf | cmp - <(echo "$output")
}

@test "model file: what scripts write is taken" {
	mkmodel m.nf
	same retype /flow f64
	same retype /flow f32be
	same retype /flow gzip
	same type /flow/last/permutation i64 type /flow/step_00/permutation i8
	same bool /flow batch_norm 1
	same double /flow hidden 4 int /flow tail_bound 1
	same str /flow activation relu str / format 'nfpipe model' \
	    int / version 1 unset / created_by
	h5edit m.nf set /flow/step_00/lu/bias 0 0.5 \
	    set /flow/step_00/lu/bias 1 -2 set /flow/step_00/lu/bias 2 0
	same type /flow/step_00/lu/bias f16
	same names /columns/target 'Jet pt,é,x' names /columns/context a,b
	run -0 nfmodel edited.nf
	[ "${lines[8]}" = "  Jet pt" ]
	[ "${lines[9]}" = "  é" ]
}

@test "model file: a tensor missing, reshaped or of another type" {
	mkmodel m.nf
	refuses "$final: missing, want 11 x 4 float32" delete $final
	refuses "/flow/last/permutation: missing, want 3 int32" \
	    delete /flow/last
	refuses "/flow/step_00/permutation: 4 int32, want 3 int32" \
	    shape /flow/step_00/permutation 4
	refuses "$final: cannot open it: not a dataset" group $final
	refuses "$final: 4 x 11 float32, want 11 x 4 float32" \
	    shape $final 4x11
	refuses "$final: 44 float32, want 11 x 4 float32" shape $final 44
	refuses "$final: a scalar float32, want 11 x 4 float32" \
	    shape $final scalar
	refuses "/flow/step_00/lu/bias: 3 x 1 float32, want 3 float32" \
	    shape /flow/step_00/lu/bias 3x1
	refuses "$final: 11 x 4 int32, want 11 x 4 float32" type $final i32
	refuses "$final: 11 x 4 strings, want 11 x 4 float32" type $final str
	refuses "/flow/last/permutation: 3 float64, want 3 int32" \
	    type /flow/last/permutation f64
}

@test "model file: numbers that cannot be" {
	local norm=/flow/step_00/net/block_00/norm_1 last=/flow/last

	mkmodel m.nf
	refuses "$final: element 43 is nan, want finite numbers" \
	    set $final 43 nan
	refuses "$final: element 0 is -inf, want finite numbers" \
	    set $final 0 -inf
	refuses "$final: element 5 is inf, want finite numbers" \
	    type $final f64 set $final 5 1e300
	refuses "$norm/running_mean: element 3 is nan, want finite numbers" \
	    set $norm/running_mean 3 nan
	refuses "$norm/running_var: element 1 is -0.5, want 0 or more" \
	    set $norm/running_var 1 -0.5
	refuses "$last/permutation: element 1 is 3, want each of 0 to 2 once" \
	    set $last/permutation 1 3
	refuses "$last/permutation: element 2 is 0, want each of 0 to 2 once" \
	    set $last/permutation 2 0
	refuses "$last/permutation: element 0 is -1, want each of 0 to 2 once" \
	    set $last/permutation 0 -1
	refuses "$last/permutation: element 0 is 2147483647, want each of 0\
 to 2 once" type $last/permutation i64 set $last/permutation 0 4294967296
}

@test "model file: a shape that is missing or absurd" {
	local huge="want an integer of 0 to 4294967295"

	mkmodel m.nf
	for a in features context_features steps hidden blocks bins \
	    tail_bound min_bin_width min_bin_height min_derivative \
	    batch_norm; do
		refuses "/flow: attribute $a: missing, want a number" \
		    unset /flow $a
	done
	refuses "/flow: hidden is 0, want 1 to 65536" int /flow hidden 0
	refuses "/flow: features is 1, want 2 to 4096" int /flow features 1
	refuses "/flow: attribute hidden: -1, $huge" int /flow hidden -1
	refuses "/flow: attribute hidden: 4294967300, $huge" \
	    int /flow hidden 4294967300
	refuses "/flow: attribute hidden: 4.5, $huge" double /flow hidden 4.5
	refuses "/flow: attribute hidden: nan, $huge" double /flow hidden nan
	refuses "/flow: attribute hidden: strings, want a number" \
	    vstr /flow hidden four
	refuses "/flow: attribute hidden: 2 numbers, want one" \
	    ints /flow hidden 2
	refuses "/flow: attribute tail_bound: inf, want a finite number" \
	    double /flow tail_bound inf
	refuses "/flow: batch_norm is 2, want 0 or 1" int /flow batch_norm 2
	refuses "/flow: attribute activation: gelu, want relu, elu or\
 leaky_relu" vstr /flow activation gelu
	refuses "/flow: attribute activation: missing, want relu, elu or\
 leaky_relu" unset /flow activation
	refuses "/flow: attribute activation: holds int64, want strings" \
	    int /flow activation 1
	refuses "/flow/step_02/permutation: missing, want 3 int32" \
	    int /flow steps 3
	refuses "/flow/step_00/net/block_01/norm_0/weight: missing, want 4\
 float32" int /flow blocks 2
}

@test "model file: a shape larger than the file could hold takes no memory" {
	mkmodel m.nf
	h5edit m.nf int /flow hidden 20000
	sanitized && skip "the sanitizer takes address space"
	run -3 --separate-stderr bash -c 'ulimit -v 1500000; nfmodel m.nf'
	[[ $stderr == "nfmodel: m.nf: /flow: attributes of a flow of \
16"*" parameters, in a file of "*" bytes" ]]
}

@test "model file: columns, history and checkpoint that do not fit" {
	whole
	refuses "/columns/target: 2 names, want 3, a feature each" \
	    names /columns/target a,b
	refuses "/columns/target: columns 0 and 2 have one name, \"a\"$twice" \
	    names /columns/target a,b,a
	refuses "/columns/context: the name of column 1: a control character\
 (0x07)" names /columns/context a,$'\a'
	refuses "/columns/context: 3 names, want 2" \
	    names /columns/context a,b,c delete /prep
	refuses "/columns/target: holds float64, want strings" \
	    type /columns/target f64
	refuses "/prep: prep line 1: a control character (0x0a)" \
	    names /prep $'pt = log\nn = log'
	refuses "/history: attribute columns: missing, want its columns'\
 names" unset /history columns
	refuses "/history: 5 float64, want 5 x 1 float64" shape /history 5 \
	    vstr /history columns epoch
	refuses "/history: 20000000 rows of 1, want at most 8388608 numbers" \
	    shape /history 20000000x1 vstr /history columns epoch
	refuses "/history: cannot open it: not a dataset" group /history
	refuses "/train: attribute step: missing, want a number" \
	    unset /train step
	refuses "/train: attribute epoch: -1, want an integer of 0 to\
 4294967295" int /train epoch -1
	refuses "/train: attribute sum_nll: nan, want a finite number" \
	    double /train sum_nll nan
}

@test "model file: moments matter to who resumes, not to others" {
	local m=/train/adam_m/step_00/lu/diag v=/train/adam_v/last/lu/bias
	local ok='want finite numbers'

	whole
	for edit in "$m: missing, want 3 float32=delete $m" \
	    "$m: element 2 is nan, $ok=set $m 2 nan" \
	    "$v: element 0 is -1, $ok of 0 or more=set $v 0 -1" \
	    "$v: element 0 is inf, $ok of 0 or more=set $v 0 inf"; do
		cp m.nf edited.nf
		h5edit edited.nf ${edit#*=}
		nfmodel edited.nf | cmp - <(nfmodel m.nf)
		run -3 --separate-stderr mkmodel n.nf from=edited.nf
		[ "$stderr" = "mkmodel: edited.nf: ${edit%=*}" ]
	done
	[ ! -e n.nf ]
}

@test "model file: another format, version or kind of file" {
	mkmodel m.nf
	refuses 'not a model: its format is "npz", want "nfpipe model"' \
	    vstr / format npz
	refuses "a model of version 2, want 1: a newer nfpipe reads it" \
	    int / version 2
	refuses "a model of version 0, want 1: there is no such version" \
	    int / version 0
	refuses "not a model: it has no /flow" rename /flow /flaw
	refuses "/: attribute created_by: a control character (0x1b)" \
	    vstr / created_by $'\e[2J'
	run -3 --separate-stderr nfmodel "$JETS"
	[ "$stderr" = "nfmodel: $JETS: not a model: it has no /flow" ]
	seq 1000 >text
	run -3 --separate-stderr nfmodel text
	[ "$stderr" = "nfmodel: text: not an HDF5 file" ]
	: >empty
	run -3 --separate-stderr nfmodel empty
	[ "$stderr" = "nfmodel: empty: not an HDF5 file" ]
	run -1 --separate-stderr nfmodel nothing.nf
	[ "$stderr" = "nfmodel: nothing.nf: No such file or directory" ]
	run -1 --separate-stderr nfmodel .
	[ "$stderr" = "nfmodel: .: Is a directory" ]
}

@test "model file: cut anywhere, it is refused in one line" {
	local n

	whole
	for ((n = 0; n < $(size m.nf); n += 997)); do
		head -c "$n" m.nf >part.nf
		run -3 --separate-stderr nfmodel part.nf
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "nfmodel: part.nf: "* ]]
	done
	head -c -1 m.nf >part.nf
	run -3 --separate-stderr nfmodel part.nf
	[[ $stderr == *": truncated file: "* ]]
}

@test "model file: a byte changed is refused, or changes no number" {
	local n

	# libhdf5 forgets memory where metadata are damaged: as a library,
	# and as a part of the program.
	printf 'leak:%s\n' libhdf5 H5FL_ >leaks
	export LSAN_OPTIONS=suppressions=leaks:print_suppressions=0
	mkmodel m.nf features=5 hidden=100
	nfmodel --tensors m.nf >want
	for ((n = 3; n < $(size m.nf); n += 4441)); do
		flip m.nf "$n" >flipped.nf
		run --separate-stderr timeout 60 nfmodel --tensors flipped.nf
		case $status in
		0) [ "$output" = "$(cat want)" ] ;;
		3) [[ $stderr == "nfmodel: flipped.nf: "* ]] ;;
		*) false ;;
		esac
	done
}

@test "model file: a full disk is one line, and the old model stays" {
	local blocks

	mkmodel m.nf
	cp m.nf old.nf
	for blocks in 1 2 3 7 20 100 170; do	# of 1024 bytes
		run -1 --separate-stderr bash -c "trap '' XFSZ
		    ulimit -f $blocks; mkmodel m.nf hidden=60 train=1"
		[ "$stderr" = "mkmodel: m.nf: cannot write: File too large" ]
	done
	cmp m.nf old.nf
	[ "$(echo m.nf*)" = m.nf ]
}

@test "model file: nowhere to write, or nothing worth writing" {
	run -1 --separate-stderr mkmodel no/m.nf
	[ "$stderr" = \
	    "mkmodel: no/m.nf: cannot create: No such file or directory" ]
	run -2 --separate-stderr mkmodel /dev/full
	[[ $stderr == "mkmodel: /dev/full: not a regular file"* ]]
	mkmodel m.nf
	cp m.nf old.nf
	run -3 --separate-stderr mkmodel m.nf weights=random gain=nan
	[[ $stderr == "mkmodel: m.nf: not written: /flow/step_00/net/final/\
weight: element 0 is "*"nan, want finite numbers" ]]
	cmp m.nf old.nf
}

@test "model file: every allocation, read and write may fail, cleanly" {
	local site n

	faults_built || skip "needs a build with NF_FAULTS"
	whole
	for site in alloc read write; do
		for ((n = 1; n < 1000; n++)); do
			rm -f n.nf
			run --separate-stderr env NF_FAULT=$site:$n \
			    mkmodel n.nf from=m.nf
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ]
			[ "${#stderr_lines[@]}" -eq 1 ]
			[ ! -e n.nf ]
		done
		[ "$n" -gt 5 ] && cmp m.nf n.nf
	done
	[ "$(echo n.nf*)" = n.nf ]
}

@test "nfmodel: wrong usage, and an output that is full" {
	mkmodel m.nf
	run -2 --separate-stderr nfmodel
	[ "${stderr_lines[0]}" = "nfmodel: want one MODEL" ]
	run -2 --separate-stderr nfmodel m.nf m.nf
	[ "${stderr_lines[0]}" = "nfmodel: want one MODEL" ]
	run -2 --separate-stderr nfmodel --config --history m.nf
	[ "${stderr_lines[0]}" = "nfmodel: one kind of output at a time" ]
	for o in "" --tensors --history; do
		run -1 --separate-stderr bash -c "nfmodel $o m.nf >/dev/full"
		[[ $stderr == "nfmodel: stdout: "*"No space left on device" ]]
	done
}

# ---- the plot -------------------------------------------------------------

# cells GLYPH: how often it stands in the losses' chart of plot.
cells()
{
	sed '/^learning/,$d; 1,2d' plot | grep -oF -- "$1" | wc -l
}

@test "nfmodel: --plot draws losses and learning rate" {
	mkmodel m.nf history=5
	nfmodel --plot --width 60 m.nf >plot
	[ "$(head -n 1 plot)" = "m.nf$(printf %48s '')5 epochs" ]
	[ "$(sed -n 2p plot)" = \
	    "loss  + train  · validation  ● mean of 5" ]
	# The first epoch has not validated, the fourth's is the mean.
	[ "$(cells +)" -eq 5 ]
	[ "$(cells ●)" -eq 5 ]
	[ "$(cells ·)" -eq 3 ]
	grep -qx '    epoch 1 *5' plot
	[ "$(sed -n '/^learning rate/,$p' plot | grep -c '·')" -ge 3 ]
	[ "$(wc -L <plot)" -eq 60 ]
	# 3.5 down to -0.5: the first and last of train are at both ends.
	grep -qE '^ *4.0┼ *$|^ *4┼ *$' plot
}

@test "nfmodel: --plot of one epoch, and of many" {
	mkmodel m.nf history=1
	nfmodel --plot --width 60 m.nf >plot
	[[ $(head -n 1 plot) == *" 1 epoch" ]]
	[ "$(cells +)" -eq 1 ]
	[ "$(cells ·)" -eq 0 ]
	grep -qE '^    epoch +1$' plot
	for n in 2 19 20 300 2000; do
		mkmodel m.nf history=$n
		for w in 40 1000; do
			nfmodel --plot --width $w m.nf >plot
			[ "$(wc -L <plot)" -eq $w ]
			[ "$(cells +)" -gt 0 ]
		done
	done
}

@test "nfmodel: --plot in ASCII, without colours, or in colours" {
	mkmodel m.nf history=5
	nfmodel --plot --width 60 --ascii m.nf >plot
	! LC_ALL=C grep -q '[^ -~]' plot
	nfmodel --plot m.nf >plain
	! grep -q $'\033' plain
	on_terminal "nfmodel --plot m.nf" >colour
	grep -q $'\033\[34m+' colour
	NO_COLOR=1 on_terminal "nfmodel --plot m.nf" >none
	! grep -q $'\033' none
	COLUMNS=50 nfmodel --plot m.nf >fifty
	nfmodel --plot --width 50 m.nf | cmp - fifty
}

@test "nfmodel: --plot of what is not a number, and of nothing" {
	mkmodel m.nf history=3
	for ((k = 0; k < 24; k++)); do
		h5edit m.nf set /history $k nan
		[ $((k % 8)) -ne 0 ] || h5edit m.nf set /history $k 1
	done
	nfmodel --plot m.nf >plot
	grep -qx "no finite loss" plot
	! grep -q "learning rate" plot
	! command -v gnuplot >/dev/null || nfmodel --plot -o m.svg m.nf
}

@test "nfmodel: --plot without a history" {
	mkmodel m.nf
	run -3 --separate-stderr nfmodel --plot m.nf
	[ "$stderr" = "nfmodel: m.nf: holds no history of a training" ]
	run -3 --separate-stderr nfmodel --plot -o m.png m.nf
	[ ! -e m.png ]
	run -2 --separate-stderr nfmodel --plot -o m.gif m.nf
	run -2 --separate-stderr nfmodel --plot --width 39 m.nf
	run -2 --separate-stderr nfmodel --plot --history m.nf
}

@test "nfmodel: --plot as an image" {
	command -v gnuplot >/dev/null || skip "no gnuplot"
	for n in 1 5 300; do
		mkmodel m.nf history=$n
		for f in png svg pdf; do
			nfmodel --plot -o m.$f m.nf
			[ "$(size m.$f)" -gt 1000 ]
		done
	done
	grep -q 'validation, mean of 5 epochs' m.svg
	grep -q 'negative log-likelihood' m.svg
	grep -q 'learning rate' m.svg
	[ "$(head -c 4 m.pdf)" = %PDF ]
	[ "$(head -c 4 m.png | tail -c 3)" = PNG ]
	[ "$(ls | grep -c tmp)" -eq 0 ]
}
