# What only a GPU can tell: the comparisons of tests/cuda_*.c with the real
# library, and its speed.  A compiler, make and CUDA are enough for both;
# NF_CUDA_LIB names a library that is there already.  nflows' models are read
# by HDF5, or taken apart by Python's h5py, or left out.
gpu_tests = $(filter-out accuracy,$(patsubst tests/cuda_%.c,%,\
    $(wildcard tests/cuda_*.c)))
gpu_dir = $(BUILD)/tests/gpu
gpu_h5 = $(shell pkg-config --cflags --libs hdf5 2>/dev/null)
gpu_h5py = $(shell python3 -c 'import h5py, numpy' 2>/dev/null && echo yes)
gpu_progs = $(gpu_tests:%=$(gpu_dir)/cuda_%) $(gpu_dir)/whole \
    $(if $(gpu_h5),$(gpu_dir)/cuda_accuracy,\
    $(if $(gpu_h5py),$(gpu_dir)/flat_accuracy))
# lib/ without what needs another library.
$(BUILD)/libnf-core.a: $(filter-out %/digest.o,\
    $(filter $(BUILD)/lib/%,$(lib_obj)))
$(gpu_dir)/bench: $(patsubst %,tests/gpu/%.c,bench ceilings model parts) \
    tests/gpu/bench.h cuda/profile.h $(BUILD)/libnf-core.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $(filter %.c %.a,$^) -lm -ldl
$(gpu_dir)/whole: tests/gpu/whole.c $(BUILD)/libnf-core.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $^ -lm -ldl
$(gpu_dir)/cuda_%: tests/cuda_%.c $(BUILD)/libnf-core.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $^ $(if $(findstring accuracy,$*),$(gpu_h5)) \
	    -lm -ldl
$(gpu_dir)/flat_accuracy: tests/cuda_accuracy.c $(BUILD)/libnf-core.a
	@mkdir -p $(@D)
	$(CC) -Itests/gpu/flat $(ALLCFLAGS) -o $@ $^ -lm -ldl
testutils += $(gpu_dir)/bench $(gpu_dir)/whole $(gpu_dir)/flat_accuracy
# The library for the GPU that is here, and the programs, by one make; a test
# that cannot be built fails alone.
gpu_build = export BUILD='$(abspath $(BUILD))' NVCC='$(NVCC)'; \
    . tests/gpu/toolkit.sh && $(submake) BUILD='$(BUILD)' NVCC="$$NVCC" \
    CUDA_ARCH="$$CUDA_ARCH" $${CUDA_RPATH:+CUDA_RPATH="$$CUDA_RPATH"} \
    $${NF_CUDA_LIB:-'$(BUILD)/libnf-cuda.so'}
check-gpu:	## compare the real libnf-cuda.so with the CPU, on a GPU
	+@$(gpu_build) -k $(gpu_progs); sh tests/gpu/check.sh $(gpu_tests)
bench-gpu:	## measure a GPU: ceilings, training, sampling, kernels
	+@$(gpu_build) $(gpu_dir)/bench && sh tests/gpu/bench.sh
.PHONY: check-gpu bench-gpu
