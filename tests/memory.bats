#!/usr/bin/env bats
# Memory: what is piped through takes the same, however much it is.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	! faults_built || skip "sanitizers hold on to what is freed"
}

# peak_of COMMAND...: the kB that it held at most.
peak_of()
{
	peak kb "$@" >out
	cat kb
}

@test "nfsample: memory does not grow with the rows" {
	mkmodel free.nf features=6 context=0 steps=2 hidden=16 weights=random
	few=$(peak_of nfsample --rows 20000 free.nf)
	many=$(peak_of nfsample --rows 300000 free.nf)
	[ "$(nfcat -i out | sed -n 's/^rows	//p')" -eq 300000 ]
	echo "$few kB, then $many"
	[ "$many" -lt $((few + 4096)) ]		# 7 MB more were written
}

@test "nfsample: a flow's weights are held twice at most" {
	# 50 MB of weights: as read, and as products want them.
	mkmodel big.nf features=8 context=0 steps=6 hidden=320 blocks=10 \
	    bins=8 weights=random
	weights=$(($(size big.nf) / 1024))
	kb=$(peak_of nfsample --rows 1000 big.nf)
	echo "$weights kB of weights, $kb held"
	[ "$kb" -lt $((2 * weights + 40000)) ]
}
