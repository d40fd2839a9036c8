# What only a GPU can tell: the comparisons of tests/cuda_*.c with the real
# library, and its speed.
gpu_tests = memory linear norm spline optim net accuracy
$(BUILD)/tests/gpu/bench: $(wildcard tests/gpu/*.c tests/gpu/*.h) \
    $(BUILD)/libnf.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $(filter %.c %.a,$^) $(LIBS)
testutils += $(BUILD)/tests/gpu/bench
gpu_ready = @$(BUILD)/bin/nfmodel --devices | grep -q '^cuda:.*yes' || { \
    echo "no GPU that can be used:" $$($(BUILD)/bin/nfmodel --devices | \
    sed -n 's/^cuda[^\t]*\tno\t\t//p') >&2; exit 1; }
check-gpu:	## compare the real libnf-cuda.so with the CPU, on a GPU
	+@$(submake) all $(gpu_tests:%=$(BUILD)/tests/cuda_%)
	$(gpu_ready)
	BUILD=$(abspath $(BUILD)) sh tests/gpu/check.sh $(gpu_tests)
bench-gpu:	## measure a GPU: ceilings, training, sampling
	+@$(submake) all $(BUILD)/tests/gpu/bench
	$(gpu_ready)
	$(BUILD)/tests/gpu/bench
	@python3 tests/gpu/peer.py || echo "no peer: want PyTorch with CUDA"
.PHONY: check-gpu bench-gpu
