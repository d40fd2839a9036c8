# make bench-gpu: bench, then PyTorch's like in the same minutes.  NF_BENCH
# has options for bench; numbers go to BUILD/bench-gpu.tsv, too.
export NF_CUDA_LIB="${NF_CUDA_LIB:-$BUILD/libnf-cuda.so}"
tsv=$BUILD/bench-gpu.tsv
"$BUILD/tests/gpu/bench" --tsv "$tsv" $NF_BENCH
rc=$?
[ -s "$tsv" ] || exit $rc
echo
echo "## PyTorch"
# PyTorch brings a cuBLAS of its own, and finds it where nothing else is said.
timeout "${NF_PEER_LIMIT:-240}" env \
    LD_LIBRARY_PATH="${NF_PEER_PATH-${LD_LIBRARY_PATH:-}}" \
    python3 tests/gpu/peer.py --tsv "$tsv" $NF_PEER || echo "peer: not done (status $?)"
exit $rc
