#!/usr/bin/env bats
# make check-gpu and bench-gpu, as far as they go without a GPU: an emulated
# one stands in for it, and scripts for programs that fail.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	export NF_CUDA_LIB=$BUILD/tests/emu/libnf-cuda.so
	unset NF_PARITY NF_BENCH NF_PEER QUICK CUDA_ARCH CUDA_HOME
	mkdir -p bin
}

# fake NAME LINE...: a program of this name, first on PATH.
fake()
{
	local name=$1

	shift
	printf '%s\n' '#!/bin/sh' "$@" >"bin/$name"
	chmod +x "bin/$name"
}

# program NAME LINE...: a test program that check.sh would run.
program()
{
	fake "$@"
	mkdir -p build/tests/gpu
	mv "bin/$1" build/tests/gpu
}

check()
{
	(cd "$repo" && BUILD=${built:-$BUILD} PATH=$BATS_TEST_TMPDIR/bin:$PATH \
	    sh tests/gpu/check.sh "$@")
}

has()
{
	[[ $output == *"$1"* ]] || { echo "no '$1' in: $output"; return 1; }
}

# count WORD: lines of the output that begin with it.
count()
{
	grep -c "^$1 " <<<"$output"
}

@test "check-gpu: comparisons, a whole model, nflows' models; counted" {
	fake compute-sanitizer 'exit 0'
	QUICK=--quick run -0 check linear optim
	has "cuda_linear: "
	has " passed, 0 failed, "
	has "# tf32: draws are "
	has "# bf16: the gradient is "
	has "nflows-data: "
	has "# parity_tiny.h5, tf32: log_prob off by "
	has "ok memcheck, whole"
	has "ok initcheck, cuda_spline"
	[[ ${lines[-1]} == "check-gpu: "*" passed, 0 failed, 0 not run" ]]
}

@test "check-gpu: nflows' models are taken apart where HDF5 is missing" {
	built=$PWD/build
	program whole 'exit 0'
	fake compute-sanitizer 'exit 1'
	fake python3 'mkdir -p "$3" && echo "$1 $2" >"$3/what"'
	program flat_accuracy 'read -r what <"$NF_PARITY/what"' \
	    'echo "ok 1 - $what off by 1"'
	NF_PARITY="$PWD/more" NF_GPU_SANITIZE=0 run -0 check
	has "# tests/gpu/flat.py tests/data off by 1"
	has "# tests/gpu/flat.py $PWD/more off by 1"
	fake python3 'exit 1'
	NF_GPU_SANITIZE=0 run -0 check
	has "nflows-data: not run: it could not be read"

	python3=$(type -ap python3 | while read -r p; do
		[ "$p" = "$PWD/bin/python3" ] || "$p" -c "import h5py" \
		    2>/dev/null && echo "$p" && break
	done)
	[ -n "$python3" ] || skip "the rest wants h5py"
	"$python3" "$repo/tests/gpu/flat.py" "$repo/tests/data" flat
	NF_PARITY=flat "$BUILD/tests/gpu/flat_accuracy" >got
	(cd "$repo" && "$BUILD/tests/cuda_accuracy") >want
	diff <(grep off want) <(grep off got)
}

@test "check-gpu: a library that fails is told" {
	NF_FAULT=cuda:5 NF_GPU_SANITIZE=0 run -1 check optim
	has "cuda_optim: ended with status 1: Bail out! no GPU can be used: "
	has "whole: ended with status 1: Bail out! no GPU can be used: "
	[[ ${lines[-1]} == "check-gpu: 0 passed, 3 failed, "* ]]
}

@test "check-gpu: programs that fail, die, hang or are not there" {
	built=$PWD/build
	program whole '[ "$1" = --devices ] && exit' 'echo "ok 1 - a"'
	program cuda_good 'echo "ok 1 - a"; echo "ok 2 - b"'
	program cuda_bad 'echo "ok 1 - a"; echo "not ok 2 - b"; echo "# off"' \
	    'exit 1'
	program cuda_dead 'echo "ok 1 - a"; echo "Bail out! no memory"; exit 7'
	program cuda_slow 'echo "ok 1 - a"; exit 124'	# of timeout
	ln -s /bin/true bin/compute-sanitizer
	run -1 check good bad dead slow
	has "cuda_good: 2 passed, 0 failed, "
	has "not ok 2 - b"
	has "# off"
	has "cuda_bad: 1 passed, 1 failed, "
	has "cuda_dead: ended with status 7: Bail out! no memory"
	has "cuda_dead: 1 passed, 1 failed, "
	has "cuda_slow: not done in 120 s"
	has "cuda_slow: 1 passed, 1 failed, "
	has "whole: 1 passed, 0 failed, "
	has "nflows: not run: neither HDF5 (libhdf5-dev) nor h5py reads"
	[ "${lines[-1]}" = "check-gpu: 34 passed, 3 failed, 1 not run" ]

	program whole 'echo "# cuda: no GPU (cannot be used)"; exit 1'
	run -1 check good
	[ "$output" = "# cuda: no GPU (cannot be used)" ]
}

@test "check-gpu: what compute-sanitizer says is counted" {
	left()				# nflows' models, and what is skipped
	{
		echo $((1 + $(count skip)))
	}
	built=$PWD/build
	program whole 'exit 0'
	# check.sh calls: compute-sanitizer --tool TOOL --report-api-errors no
	#    --error-exitcode 99 PROGRAM
	fake compute-sanitizer '[ "$4" = no ] || exit 1; case $2.${7##*/} in' \
	    'memcheck.cuda_norm) echo "========= Invalid write of 4 bytes"' \
	    '    echo "========= ERROR SUMMARY: 1 error"; exit 99;;' \
	    'racecheck.*) echo "Device not supported"; exit 1;;' \
	    'synccheck.cuda_memory) exit 124;;' 'esac'
	run -1 check
	has "ok memcheck, cuda_linear"
	has "not ok memcheck, cuda_norm: status 99"
	has "# ========= Invalid write of 4 bytes"
	has "skip racecheck, whole: it does not support this GPU here"
	has "skip synccheck, cuda_memory: not done in "
	[ "${lines[-1]}" = \
	    "check-gpu: $(count ok) passed, 1 failed, $(left) not run" ]
	NF_GPU_SANITIZE=0 run -0 check
	has "skip synccheck, whole: no time was left"
	[ "${lines[-1]}" = \
	    "check-gpu: 0 passed, 0 failed, $(left) not run" ]
	run -124 timeout 1 sleep 60		# is what 124 means
	rm bin/compute-sanitizer
	for t in timeout sh date grep tail head cat sed basename mkdir; do
		ln -s "$(command -v $t)" bin/
	done
	PATH=$PWD/bin built=$PWD/build run -0 check
	has "compute-sanitizer: not run: it is not installed"
}

# bench OPTIONS...
bench()
{
	"$BUILD/tests/gpu/bench" --quick "$@"
}

@test "bench-gpu: every table, in a size for the emulated GPU" {
	local t

	run -0 bench --part jets --tsv tsv
	for t in "large	128 x 64 x 64, 1	bf16	" "logits dw	" \
	    "tiny	16	tf32	" "tiny	64	bf16	" \
	    "spline         spline " "linear         product bf16 " \
	    "adam           adam " "spline_inverse product tf32 " \
	    "norm_grad      norm_grad " "linear         pack_all " \
	    "one row	median ms	99 % ms" "kernels one by one " \
	    "the step replayed " "parts: 12 done, 0 failed"; do
		has "$t"
	done
	for t in "product	hidden 16x70x70x1 tf32	TFLOP/s	" \
	    "train	tiny 16 tf32	rows/s	" \
	    "train	tiny 64 bf16	busy %	" \
	    "kernel	tiny step 64 bf16 gate gate 1 x 3	us	" \
	    "kernel	tiny tile 96 tf32 spline_inverse spline" \
	    "step	tiny step 64 tf32 replayed	us	" \
	    "sample	tiny 100 bf16	rows/s	" "latency	tiny median	ms	"
	do
		grep -q "^$t" tsv || { echo "no '$t'"; return 1; }
	done
	[ -z "$(awk -F '\t' 'NF != 4 || $4 !~ /^[0-9.e+-]+$/' tsv)" ]
	NF_EMU_CAPTURE=end run -0 bench --part "train jets 2048 tf32"
	has "# not captured: capture: invalid capture"
	run -0 bench --part copies
	has "host to device, pinned	1	"
	run -0 bench --part launches
	has "captured	"
}

@test "bench-gpu: a part that fails, dies or hangs leaves the others" {
	local n

	for ((n = 1; n < 40; n += 3)); do	# the library's allocations
		NF_FAULT=cuda:$n run bench --part copies
		[ "$status" -eq 0 ] && break
		has "failed: "
		has "out of memory"
		has "# copies: FAILED, "
		has "parts: 0 done, 1 failed"
	done
	[ "$n" -gt 1 ] && [ "$n" -lt 40 ]
	NF_FAULT=cuda:$((n + 3)) run -1 bench --part la
	has "# launches: done, "
	has "# latency jets tf32: FAILED, "
	has "parts: 1 done, 2 failed"
	run -1 "$BUILD/tests/gpu/bench" --limit 1 --part "products jets"
	has "failed: it took longer than --limit allows"
	has "parts: 0 done, 1 failed"
	run -1 bench --part nothing
	has "parts: 0 done, 0 failed"
	run -2 bench --no-such-option
	NF_CUDA_LIB=/nowhere run -1 bench
	[ "${lines[-1]}" = "bench: no GPU can be used" ]
	NF_CUDA_LIB=/nowhere run -1 bench --device cpu --part copies
	has "failed: no profiler: /nowhere: "
}

@test "bench-gpu: PyTorch follows, or says why not" {
	bench_sh()
	{
		(cd "$repo" && BUILD=$BATS_TEST_TMPDIR/build \
		    PATH=$BATS_TEST_TMPDIR/bin:$PATH sh tests/gpu/bench.sh)
	}
	program bench 'echo "bench $*"; echo "x	y	rows/s	1" >"$2"'
	fake python3 'echo "python3 $*"'
	NF_BENCH="--limit 9" run -0 bench_sh
	[ "${lines[0]}" = "bench --tsv $PWD/build/bench-gpu.tsv --limit 9" ]
	has "python3 tests/gpu/peer.py --tsv $PWD/build/bench-gpu.tsv"
	fake python3 'echo "from $LD_LIBRARY_PATH"'
	NF_PEER_PATH=/torch run -0 bench_sh
	has "from /torch"
	fake python3 'exec sleep 60'
	NF_PEER_LIMIT=1 run -0 bench_sh
	has "peer: not done (status 124)"
	program bench 'exit 1'
	rm build/bench-gpu.tsv
	run -1 bench_sh
	[ -z "$output" ]
}

# toolkit: what tests/gpu/toolkit.sh finds under root/.
toolkit()
{
	env -u NF_CUDA_LIB PATH="$PWD/bin" BUILD="$PWD/build" \
	    NF_ROOT="$PWD/root" NVCC= LIBRARY_PATH= LD_LIBRARY_PATH= CPATH= \
	    /bin/sh -c '. "$0"; echo "$NVCC|$CUDA_ARCH|$CPATH"
		echo "$LIBRARY_PATH|$LD_LIBRARY_PATH|$PATH"' \
	    "$repo/tests/gpu/toolkit.sh"
}

@test "the toolkit is found where it may be, or what is missing is said" {
	local t cuda=$PWD/root/usr/local/cuda

	for t in dirname readlink mkdir ln tr grep sort; do
		ln -s "$(command -v $t)" bin/
	done
	fake python3 'exit 1'
	run -1 toolkit
	[ "$output" = \
	    "no GPU that can be used: no $PWD/root/dev/nvidiactl" ]
	mkdir -p root/dev "$cuda/bin" "$cuda/include" "$cuda/lib64"
	touch root/dev/nvidiactl
	run -1 toolkit
	[[ $output == "no GPU code can be built: nvcc is not on PATH, "* ]]
	touch "$cuda/bin/nvcc"
	run -1 toolkit
	[[ $output == "no GPU code can be built: cublasLt.h is not in "* ]]
	touch "$cuda/include/cublasLt.h"
	run -1 toolkit
	[[ $output == "no GPU code can be built: libcublasLt.so is not "* ]]
	touch "$cuda/lib64/libcublasLt.so.13"
	run -0 toolkit
	[ "${lines[0]}" = "$cuda/bin/nvcc|80 90|" ]
	[ "${lines[1]}" = \
	    "$PWD/build/cublas|$cuda/lib64|$PWD/bin:$cuda/bin" ]
	[ "$(readlink build/cublas/libcublasLt.so)" = \
	    "$cuda/lib64/libcublasLt.so.13" ]
	fake nvidia-smi 'printf "9.0\n9.0\n8.6\n"'
	rm root/dev/nvidiactl
	run -0 toolkit
	[ "${lines[0]}" = "$cuda/bin/nvcc|86 90 |" ]
	printf '%s\n' '#!/bin/sh' 'echo compute_80; echo compute_90' \
	    >"$cuda/bin/nvcc"
	chmod +x "$cuda/bin/nvcc"
	run -0 toolkit
	[ "${lines[0]}" = "$cuda/bin/nvcc|90 |" ]
	fake nvidia-smi 'echo 12.0'
	run -0 toolkit
	[ "${lines[0]}" = "$cuda/bin/nvcc|80 90|" ]
	fake nvidia-smi 'printf "9.0\n9.0\n8.6\n"'
	chmod -x "$cuda/bin/nvcc"

	mkdir -p py/include py/lib root/usr/local/nvidia/lib64
	mv "$cuda/include/cublasLt.h" py/include	# of Python's packages
	mv "$cuda/lib64/libcublasLt.so.13" py/lib
	fake python3 "echo $PWD/py/include; echo $PWD/py/lib"
	run -0 toolkit
	[ "${lines[0]}" = "$cuda/bin/nvcc|86 90 |$PWD/py/include" ]
	[[ ${lines[1]} == "$PWD/build/cublas|$PWD/py/lib:$PWD/root/usr/"* ]]
	[ "$(readlink build/cublas/libcublasLt.so)" = \
	    "$PWD/py/lib/libcublasLt.so.13" ]
}
