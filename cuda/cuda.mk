# libnf-cuda.so, where nvcc is found: one operation a file, the twin of its
# CPU file.  CUDA_ARCH="80 90" chooses the native code; PTX of the last one
# is kept for later devices.  NVCC= builds without.
NVCC = $(shell command -v nvcc)
CUDA_ARCH = 80 90
cuda_src = $(wildcard cuda/*.cu)
cuda_obj = $(cuda_src:%.cu=$(BUILD)/%.o)
cuda_last = $(lastword $(CUDA_ARCH))
cuda_gen = $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$a,code=sm_$a) \
    -gencode arch=compute_$(cuda_last),code=compute_$(cuda_last)
ALLCUFLAGS = -std=c++17 $(cuda_gen) -DNF_VERSION='"$(VERSION)"' -Ilib \
    -Xcompiler -fPIC,-Wall,-Wextra -Werror all-warnings -O3 -lineinfo

ifneq ($(and $(NVCC),$(cuda_src)),)
all: $(BUILD)/libnf-cuda.so
endif
$(BUILD)/libnf-cuda.so: $(cuda_obj)
	$(NVCC) -shared -Xlinker -soname,libnf-cuda.so.0 $(cuda_gen) -o $@ $^ \
	    -lcublas -lcublasLt
$(BUILD)/cuda/%.o: cuda/%.cu Makefile cuda/cuda.mk
	@mkdir -p $(@D)
	$(NVCC) $(ALLCUFLAGS) -MMD -MP -c -o $@ $<
