# The comparisons of the tests named, on a GPU; then, where it is installed,
# once more under compute-sanitizer.  NF_PARITY names more models.
export NF_CUDA_LIB=${NF_CUDA_LIB:-$BUILD/libnf-cuda.so}
failed=0
for t; do
	"$BUILD/tests/cuda_$t" >"$BUILD/check-gpu.out" 2>&1 &&
	    ! grep '^not ok' -A 1 "$BUILD/check-gpu.out" ||
	    { tail -n 3 "$BUILD/check-gpu.out"; failed=1; echo "$t: failed"; }
	[ "$t" = accuracy ] && cat "$BUILD/check-gpu.out"
	echo "$t: $(grep -c '^ok' "$BUILD/check-gpu.out") passed"
done
if command -v compute-sanitizer >/dev/null; then
	for t in memory linear norm spline optim; do
		for tool in memcheck racecheck synccheck; do
			compute-sanitizer --tool $tool --error-exitcode 1 \
			    "$BUILD/tests/cuda_$t" >"$BUILD/check-gpu.out" ||
			    { grep = "$BUILD/check-gpu.out" | tail -n 9
			    failed=1; echo "$t: $tool failed"; }
		done
	done
else
	echo "compute-sanitizer is not installed: not run"
fi
exit $failed
