#!/usr/bin/env bats
# The GPU's code on an emulated GPU: that nothing of it is left out, and that
# the emulation would see what a real one shows only now and then.
load lib

emu_tests="memory linear norm residual spline optim net eval rows profile"

setup()
{
	cd "$BATS_TEST_TMPDIR"
	unset NF_CUDA_LIB NF_EMU_DEAF NF_EMU_PLAIN
}

# passes TEST: what it prints has no "not ok", and it ends well.
passes()
{
	"$BUILD/tests/cuda_$1" >out 2>&1 && ! grep -q '^not ok' out
}

@test "cuda: every kernel is run by some test" {
	local t

	export NF_EMU_LAUNCHED=$PWD/ran
	for t in $emu_tests; do
		passes $t
	done
	NF_EMU_PLAIN=1 passes linear
	NF_EMU_PLAIN=2 passes linear
	(cd "$repo/cuda" && grep -A1 -H '__global__ void' *.cu |
	    sed -n 's/^\(.*\.cu\)-\([a-z_0-9]*\)(.*/\1 \2/p') | sort >all
	[ "$(wc -l <all)" -gt 20 ]
	sort -u ran | comm -23 all - >never
	diff /dev/null never
}

@test "cuda: products by the fallbacks, too" {
	local plain t

	for plain in 1 2; do
		for t in linear spline net eval; do
			NF_EMU_PLAIN=$plain passes $t
		done
	done
}

@test "cuda: a row is the same among any number that an algorithm takes" {
	export NF_EMU_ROWS=20 NF_CUDA_LIB=$BUILD/tests/emu/libnf-cuda.so

	"$BUILD/tests/gpu/whole" --quick >out
	run ! grep "^not ok" out
	passes linear
	passes net
}

@test "cuda: any order that events allow gives the same" {
	local seed t

	for seed in 2 3; do
		for t in memory linear spline net eval rows; do
			NF_EMU_SEED=$seed passes $t
		done
	done
}

@test "cuda: evaluation is replayed" {
	local kernel

	NF_EMU_LAUNCHED=$PWD/ran passes eval
	for kernel in "gate.cu gate" "norm.cu apply" "spline.cu spline" \
	    "optim.cu log_normal"; do
		grep -qx "replayed $kernel" ran
	done
	! grep -qx "replayed rows.cu noise" ran
}

@test "cuda: what cannot be captured is run as it is, with the same bytes" {
	local at

	for at in begin launch end unit; do
		export NF_EMU_CAPTURE=$at
		passes net
		NF_EMU_LAUNCHED=$PWD/ran passes eval
		run ! grep replayed ran
		run ! passes memory
		[ "$(grep -c "^not ok" out)" -eq 1 ]
		grep -q "^# not captured: capture: " out
	done
	grep -q "^# not captured: capture: out of memory" out
}

# noticed SITE: without this wait for an event, some test fails.
noticed()
{
	local seed t

	for seed in 1 2 3; do
		for t in memory linear eval net profile; do
			NF_EMU_DEAF=$1 NF_EMU_SEED=$seed passes $t || return 0
		done
	done
	echo "without the wait at $1 all tests pass"
	return 1
}

@test "cuda: a wait for an event that is left out is noticed" {
	local site n=0

	for site in $(cd "$repo/cuda" && grep -n \
	    -e 'cudaStreamWaitEvent(' -e 'cudaEventSynchronize(' *.cu |
	    cut -d : -f 1,2); do
		noticed "$site"
		n=$((n + 1))
	done
	[ "$n" -ge 10 ]
}
