#!/usr/bin/env bats
# The race detector of the emulated GPU (emu/race.cc): that it has nothing to
# tell of the code, and all of what is left out.  make race asks for more.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	unset NF_EMU_DEAF NF_EMU_SEED
	export NF_CUDA_LIB=$BUILD/tests/race/libnf-cuda.so
	[ -e "$NF_CUDA_LIB" ] || skip "this compiler does not build it"
}

@test "race: nothing to tell of memory, sums and captured steps" {
	local t

	for t in optim memory profile; do
		"$BUILD/tests/cuda_$t" >out 2>err
		! grep -q '^not ok' out
		! grep 'emulated GPU' err
	done
}

# tells TESTS FILE...: without any one barrier, fence or wait for an event in
# these, one of the tests ends with a race and says where.
tells()
{
	local tests=$1 site t

	shift
	for site in $(cd "$repo/cuda" && grep -nH -e '__sync' \
	    -e '__threadfence(' -e 'cudaStreamWaitEvent(' \
	    -e 'cudaEventSynchronize(' "$@" | cut -d : -f 1,2); do
		echo "without $site"
		for t in $tests; do
			NF_EMU_DEAF=$site run "$BUILD/tests/cuda_$t"
			[ "$status" -eq 0 ] || break
		done
		[ "$status" -eq 66 ]
		[[ $output == *'emulated GPU: race in '*' by '* ]]
	done
	[ -n "$site" ]
}

@test "race: a barrier or a fence that is left out is told" {
	tells "optim residual" block.cuh lu.cu
}

@test "race: a wait that is left out is told" {
	tells memory ferry.cu
}
