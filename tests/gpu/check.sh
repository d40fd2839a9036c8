# make check-gpu: the comparisons of the tests named, and of a model of the
# published size, on the GPU of NF_CUDA_LIB; then small ones once more under
# compute-sanitizer.  NF_PARITY names a directory of more of nflows' models.
# What takes too long is stopped, and said.  QUICK= is for an emulated GPU.
#
#	check.sh TEST...
export NF_CUDA_LIB="${NF_CUDA_LIB:-$BUILD/libnf-cuda.so}"
dir=$BUILD/tests/gpu
log=$BUILD/check-gpu
passed=0 failed=0 skipped=0
limit=${NF_GPU_LIMIT:-120}		# seconds of a program
sanitize=${NF_GPU_SANITIZE:-180}	# of each of the sanitizer's tools
mkdir -p "$log"

# at PROGRAM: where it stands; make check has built it elsewhere.
at()
{
	[ -x "$dir/$1" ] && echo "$dir/$1" || echo "$BUILD/tests/$1"
}

# part NAME COMMAND...: its tests, counted.
part()
{
	name=$1
	shift
	start=$(date +%s)
	timeout "$limit" "$@" >"$log/$name" 2>&1
	rc=$?
	good=$(grep -c '^ok' "$log/$name")
	bad=$(grep -c '^not ok' "$log/$name")
	end=$(tail -n 1 "$log/$name")
	took=$(($(date +%s) - start))
	passed=$((passed + good))
	if [ $rc -eq 124 ]; then
		bad=$((bad + 1))
		echo "$name: not done in $limit s"
	elif [ "$bad" -eq 0 ] && [ $rc -ne 0 ]; then
		bad=1
		echo "$name: ended with status $rc: $end"
	fi
	failed=$((failed + bad))
	grep -A 1 '^not ok' "$log/$name" | head -n 20
	echo "$name: $good passed, $bad failed, $took s"
}

skip()
{
	skipped=$((skipped + 1))
	echo "$1: not run: $2"
}

# under TOOL: small programs, until the time is up; one line each.  What calls
# return, the programs see to: CUDA's libraries begin with some that fail.
under()
{
	until=$(($(date +%s) + sanitize))
	for t in $small; do
		left=$((until - $(date +%s)))
		[ "$left" -gt 0 ] || { echo "skip $1, $t: no time was left"
		    continue; }
		out=$log/$1.$t
		arg=
		[ "$t" = whole ] && arg=--quick
		timeout "$left" compute-sanitizer --tool "$1" \
		    --report-api-errors no --error-exitcode 99 \
		    "$(at "$t")" $arg >"$out" 2>&1
		rc=$?
		if [ $rc -eq 124 ]; then
			echo "skip $1, $t: not done in $left s"
		elif grep -q 'Device not supported' "$out"; then
			echo "skip $1, $t: it does not support this GPU here"
		elif [ $rc -eq 0 ]; then
			echo "ok $1, $t"
		else
			echo "not ok $1, $t: status $rc"
			grep '^=====' "$out" | grep -v 'COMPUTE-SANI' |
			    head -n 6 | sed 's/^/# /'
			tail -n 1 "$out" | sed 's/^/# /'
		fi
	done
}

timeout "$limit" "$dir/whole" --devices || exit 1
for t; do
	part "cuda_$t" "$(at "cuda_$t")"
done
part whole "$dir/whole" $QUICK
sed -n 's/^ok [0-9]* - \(.*off.*\)/# \1/p' "$log/whole"
accuracy=$(at cuda_accuracy) flat=
[ -x "$accuracy" ] || flat=yes accuracy=$dir/flat_accuracy
[ -x "$accuracy" ] ||
	skip nflows "neither HDF5 (libhdf5-dev) nor h5py reads its models"
for models in tests/data $NF_PARITY; do
	[ -x "$accuracy" ] || break
	name=nflows-$(basename "$models")
	if [ -n "$flat" ]; then			# for want of HDF5
		python3 tests/gpu/flat.py "$models" "$log/$name.d" ||
		    { skip "$name" "it could not be read"; continue; }
		models=$log/$name.d
	fi
	part "$name" env NF_PARITY="$models" "$accuracy"
	sed -n 's/^ok [0-9]* - \(.*off by.*\)/# \1/p' "$log/$name"
done
small="cuda_memory cuda_linear cuda_norm cuda_spline cuda_optim cuda_eval
    whole"
if command -v compute-sanitizer >/dev/null; then
	for tool in memcheck racecheck initcheck synccheck; do
		under $tool >"$log/$tool" &
	done
	wait
	cat "$log"/memcheck "$log"/racecheck "$log"/initcheck \
	    "$log"/synccheck >"$log/sanitizer"
	cat "$log/sanitizer"
	passed=$((passed + $(grep -c '^ok' "$log/sanitizer")))
	failed=$((failed + $(grep -c '^not ok' "$log/sanitizer")))
	skipped=$((skipped + $(grep -c '^skip' "$log/sanitizer")))
else
	skip compute-sanitizer "it is not installed"
fi
echo "check-gpu: $passed passed, $failed failed, $skipped not run"
[ "$failed" -eq 0 ]
