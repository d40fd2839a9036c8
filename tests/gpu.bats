#!/usr/bin/env bats
# make check-gpu and bench-gpu, as far as they go without a GPU.
load lib

@test "make check-gpu: the comparisons pass, and a failure is told" {
	export NF_CUDA_LIB=$BUILD/tests/emu/libnf-cuda.so
	run -0 sh "$repo/tests/gpu/check.sh" memory optim
	[[ $output == *"memory: "*" passed"*"optim: "*" passed"* ]]
	NF_EMU_DEAF=capture.cu:70 run -1 sh "$repo/tests/gpu/check.sh" memory
	[[ $output == *"memory: failed"* ]]
}

@test "make bench-gpu: every table, in a size for the emulated GPU" {
	NF_CUDA_LIB=$BUILD/tests/emu/libnf-cuda.so run -0 \
	    "$BUILD/tests/gpu/bench" --quick
	for t in "product	" "copy	" "tiny	train tf32, batch 16	" \
	    "tiny	train bf16, batch 64	" "tiny	linear	" \
	    "tiny	spline_grad	" "tiny	adam	" \
	    "tiny	sample 100 rows	" "tiny	one row, median	"; do
		[[ $output == *"$t"* ]] || { echo "no $t"; return 1; }
	done
	NF_CUDA_LIB=/nowhere run -1 "$BUILD/tests/gpu/bench" --quick
	[[ $output == "bench: no GPU can be used: "* ]]
}
