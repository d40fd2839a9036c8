#!/usr/bin/env bats
# --device, --precision and nfmodel --devices, where a GPU is made of loops.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	emu=$BUILD/tests/emu/libnf-cuda.so
	unset NF_EMU_DEVICES
	mkmodel m.nf features=3 context=2 steps=2 hidden=70 blocks=1 bins=8 \
	    weights=random
	printf 'y0,y1\n1,0.3\n-1,0.5\n0,0\n' | nfcat >y.nfs
	nfsample --device cpu m.nf y.nfs >cpu.nfs
}

# gpu COMMAND...: it, with the emulated GPU.
gpu()
{
	NF_CUDA_LIB=$emu "$@"
}

# absent COMMAND...: without any library of GPUs.
absent()
{
	NF_CUDA_LIB=/nowhere/lib.so "$@"
}

@test "nfmodel --devices: the CPU, and why there is no GPU" {
	run -0 --separate-stderr absent nfmodel --devices
	[ -z "$stderr" ]
	[ "${lines[0]}" = $'device\tusable\tGB\tabout' ]
	[[ ${lines[1]} =~ ^cpu$'\t'yes$'\t'[0-9.]+$'\t'[0-9]+\ thread ]]
	[[ ${lines[2]} == $'cuda\tno\t\tNF_CUDA_LIB: /nowhere/lib.so: '* ]]
	[ "${#lines[@]}" -eq 3 ]
}

@test "nfmodel --devices: every GPU, with its memory" {
	NF_EMU_DEVICES=2 run -0 gpu nfmodel --devices
	[ "${lines[2]}" = $'cuda:0\tyes\t2.1\temulated, sm_90' ]
	[ "${lines[3]}" = $'cuda:1\tyes\t2.1\temulated, sm_90' ]
	NF_EMU_DEVICES=0 run -0 gpu nfmodel --devices
	[ "${lines[2]}" = \
	    $'cuda\tno\t\tno CUDA-capable device is detected' ]
	NF_EMU_DEVICES=2 NF_EMU_OLD=1 run -0 gpu nfmodel --devices
	[ "${lines[2]}" = $'cuda:0\tno\t\tGPU 0 (emulated) is of compute '\
'capability 7.0, want 8.0 or later' ]
	[ "${lines[3]}" = $'cuda:1\tyes\t2.1\temulated, sm_90' ]
}

@test "a driver that is too old is told, by auto too" {
	local want="the driver is of CUDA 12.4, libnf-cuda.so of 13.1: want \
a newer driver, or nfpipe built by an older nvcc"

	export NF_EMU_DRIVER=12040
	run -0 gpu nfmodel --devices
	[ "${lines[2]}" = $'cuda\tno\t\t'"$want" ]
	run -1 --separate-stderr gpu nfsample --device cuda m.nf y.nfs
	[[ $stderr == "nfsample: no GPU can be used: $want; the devices "* ]]
	run -0 --separate-stderr gpu bash -c \
	    'nfsample m.nf y.nfs >got.nfs'
	[ "$stderr" = "nfsample: on the CPU, for the GPU cannot be used: \
$want" ]
	cmp got.nfs cpu.nfs
}

@test "auto passes over a GPU that another program has to itself" {
	export NF_EMU_DEVICES=2 NF_EMU_BUSY=1
	run -0 gpu nfmodel --devices
	run -1 --separate-stderr gpu nfsample --device cuda m.nf y.nfs
	[ "$stderr" = "nfsample: no GPU can be used: GPU 0: device busy; the \
devices cpu and auto need none" ]
	gpu nfsample m.nf y.nfs >auto.nfs
	gpu nfsample --device cuda:1 m.nf y.nfs | cmp - auto.nfs
	run ! cmp -s auto.nfs cpu.nfs
	NF_EMU_BUSY=2 run -0 --separate-stderr gpu bash -c \
	    'nfsample m.nf y.nfs >got.nfs'
	[ "$stderr" = "nfsample: on the CPU, for the GPU cannot be used: GPU \
1: device busy" ]
}

@test "nfmodel --devices: wrong usage" {
	run -2 --separate-stderr nfmodel --devices m.nf
	[ "${stderr_lines[0]}" = "nfmodel: --devices wants no MODEL" ]
	run -2 --separate-stderr nfmodel --devices --config
	[ "${stderr_lines[0]}" = "nfmodel: one kind of output at a time" ]
}

@test "a GPU that is asked for and absent is status 1, in one line" {
	local p

	printf '[data]\ntarget=y0,y1\n' >t.cfg
	for p in "nfsample m.nf" "nflogp m.nf" "nftrain -c t.cfg"; do
		run -1 --separate-stderr absent $p --device cuda y.nfs
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "${p%% *}: no GPU can be used: NF_CUDA_LIB: \
/nowhere/lib.so: "*"; the devices cpu and auto need none" ]]
	done
	run -1 --separate-stderr gpu nfsample m.nf --device cuda:1 y.nfs
	[ "$stderr" = "nfsample: no GPU can be used: GPU 1: invalid device \
ordinal; the devices cpu and auto need none" ]
}

@test "auto takes the first GPU that can be used" {
	printf '[flow]\nsteps=1\nhidden=4\n[train]\nepochs=1\n' >t.cfg
	printf '[data]\ntarget=y0,y1\n' >>t.cfg
	NF_EMU_DEVICES=2 NF_EMU_OLD=1 run -0 --separate-stderr gpu \
	    nftrain -c t.cfg y.nfs
	[[ $stderr == *", on cuda:1 (emulated, 2 GB, sm_90)"* ]]
}

@test "auto says why it passes over a GPU, and is silent without one" {
	run -0 --separate-stderr absent bash -c \
	    'nfsample m.nf y.nfs >got.nfs'
	[[ $stderr == "nfsample: on the CPU, for the GPU cannot be used: \
NF_CUDA_LIB: /nowhere/lib.so: "* ]]
	cmp got.nfs cpu.nfs
	NF_EMU_DEVICES=0 run -0 --separate-stderr gpu bash -c \
	    'nfsample m.nf y.nfs >got.nfs'
	[ -z "$stderr" ]
	cmp got.nfs cpu.nfs
	NF_FAULT=cuda:1 run -0 --separate-stderr gpu bash -c \
	    'nfsample m.nf y.nfs >got.nfs'
	[[ $stderr == "nfsample: on the CPU, for the GPU cannot be used: \
cuda:0 (emulated, "*"): out of memory" ]]
	cmp got.nfs cpu.nfs
	run -0 --separate-stderr absent bash -c \
	    'nfsample --device cpu m.nf y.nfs >got.nfs'
	[ -z "$stderr" ]
}

# apart FILE: the greatest difference of a target from the CPU's.
apart()
{
	paste <(nfcat -t cpu.nfs) <(nfcat -t "$1") | awk 'NR > 1 {
		for (i = 1; i <= NF / 2; i++) {
			d = $i - $(i + NF / 2); d = d < 0 ? -d : d
			m = d > m ? d : m } } END { printf "%.9f\n", m }'
}

@test "--precision: a GPU rounds as it is told, and its draws are the CPU's" {
	local p

	for p in fp32 tf32 bf16; do
		gpu nfsample --device cuda --precision $p m.nf y.nfs >$p.nfs
		apart $p.nfs >$p
	done
	gpu nfsample --device cuda m.nf y.nfs | cmp - tf32.nfs
	awk -v a="$(cat fp32)" -v b="$(cat tf32)" -v c="$(cat bf16)" \
	    'BEGIN { exit !(a < 1e-5 && a < b && b < 0.02 && b < c &&
	    c < 0.2) }'
	gpu nflogp --device cuda cpu.nfs m.nf 2>/dev/null && false
	nfsample m.nf y.nfs >both.nfs
	gpu nflogp --device cuda m.nf both.nfs >a.nfs
	gpu nflogp --device cuda --precision fp32 m.nf both.nfs | cmp - a.nfs
	run ! cmp -s a.nfs <(gpu nflogp --device cuda --precision bf16 m.nf \
	    both.nfs)
}

@test "--precision: a CPU takes any of them for fp32; others are refused" {
	local p

	for p in fp32 tf32 bf16; do
		nfsample --device cpu --precision $p m.nf y.nfs | cmp - cpu.nfs
	done
	for p in nfsample nflogp; do
		run -2 --separate-stderr $p --precision fp16 m.nf y.nfs
		[ "${stderr_lines[0]}" = \
		    "$p: --precision fp16: want fp32, tf32 or bf16" ]
	done
}

@test "nftrain: rows for which a GPU has no room go there in windows" {
	awk 'BEGIN { printf "y0,y1"; for (j = 0; j < 40; j++) printf ",c%d", j
		for (i = 0; i < 12000; i++) {
			printf "\n%.4f,%d", sin(i * i), i % 9
			for (j = 0; j < 40; j++) printf ",%d", i % (j + 2) }
		print "" }' | nfcat >t.nfs
	printf '[data]\ntarget=y*\ncontext=c*\nvalid_fraction=0.1\n' >t.cfg
	printf '[flow]\nsteps=1\nhidden=4\nbins=4\nblocks=1\n' >>t.cfg
	printf '[train]\nepochs=2\nbatch=500\nprecision=fp32\n' >>t.cfg
	run -0 --separate-stderr gpu nftrain -c t.cfg -o all.nf t.nfs
	[[ $stderr != *windows* ]]
	export NF_EMU_SPARE=4500000
	run -0 --separate-stderr gpu nftrain -c t.cfg -o some.nf t.nfs
	[[ $stderr == *$'\n'"more rows than the GPU's free memory holds: \
there in windows of 3500"$'\n'* ]]
	cmp all.nf some.nf
	gpu nftrain -c t.cfg -q -o part.nf --max-time 0.1s t.nfs
	NF_EMU_SPARE=5000000 gpu nftrain -c t.cfg -q -o part.nf --resume t.nfs
	cmp all.nf part.nf
	unset NF_EMU_SPARE
	sed -i s/valid_fraction=0.1/valid_fraction=0.7/ t.cfg
	run -0 --separate-stderr gpu nftrain -c t.cfg -o all.nf t.nfs
	[[ $stderr != *"rows that validate go"* ]]
	NF_EMU_SPARE=4500000 run -0 --separate-stderr gpu nftrain -c t.cfg \
	    -o some.nf t.nfs
	[[ $stderr != *windows* ]]
	[[ $stderr == *$'\n'"the rows that validate go to the GPU each epoch\
"$'\n'* ]]
	cmp all.nf some.nf
}
