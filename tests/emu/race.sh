# make race: BUILD names the build.  No test of the GPU's code may tell of a
# race; and without any one barrier, fence or wait of it some test must.
# What the host waits for by a whole stream or device may be unneeded for that:
# it also brings errors, or the time.
set -u
here=$(dirname "$0")/../..
lib=$BUILD/tests/race/libnf-cuda.so
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
status=0

# quiet TEST: it ends well, and tells of no race.
quiet()
{
	NF_CUDA_LIB=$lib "$BUILD/tests/cuda_$1" >"$log" 2>&1 &&
	    ! grep -q '^not ok' "$log"
}

# sites PATTERN: "file:line" of each in the GPU's code.
sites()
{
	(cd "$here/cuda" && grep -nE "$1" *.cu *.cuh | cut -d : -f 1,2)
}

# told SITE: without it, some test tells of a race.
told()
{
	for t in optim linear memory norm residual spline profile rows net
	do
		NF_EMU_DEAF=$1 quiet $t
		grep -q 'emulated GPU: ' "$log" && return
	done
	return 1
}

for t in optim linear memory norm residual spline profile eval rows net; do
	if quiet $t; then
		echo "ok: $t"
	else
		echo "not ok: $t"
		grep -A2 -e 'emulated GPU: ' -e '^not ok' "$log"
		status=1
	fi
done
for site in $(sites '__sync(threads|warp)\(|__threadfence\(') \
    $(sites 'cudaStreamWaitEvent\(|cudaEventSynchronize\('); do
	if told "$site"; then
		echo "ok: told without $site, by $t"
	else
		echo "not ok: nothing is told without $site"
		status=1
	fi
done
for site in $(sites 'cuda(Stream|Device)Synchronize\('); do
	told "$site" && echo "ok: told without $site, by $t" ||
	    echo "ok: nothing races without $site"
done
exit $status
