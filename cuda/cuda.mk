# libnf-cuda.so, where nvcc is found: one operation a file, the twin of its
# CPU file.  CUDA_ARCH="80 90" chooses the native code; PTX of the last one
# is kept for later devices.  NVCC= builds without.  Warnings are no errors,
# lest a later compiler's new one stop a build, unless with
# CUDA_STRICT="-Werror all-warnings".
NVCC = $(shell command -v nvcc)
CUDA_ARCH = 80 90
cuda_beside = $(patsubst %/bin/,%/lib64,$(dir $1))
CUDA_RPATH = $(call cuda_beside,$(NVCC)):$(call cuda_beside,$(or \
    $(realpath $(NVCC)),$(NVCC)))
cuda_src = $(wildcard cuda/*.cu)
cuda_obj = $(cuda_src:%.cu=$(BUILD)/%.o) $(BUILD)/lib/err.o $(BUILD)/lib/mem.o
cuda_last = $(lastword $(CUDA_ARCH))
cuda_gen = $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$a,code=sm_$a) \
    -gencode arch=compute_$(cuda_last),code=compute_$(cuda_last)
ALLCUFLAGS = -std=c++17 $(cuda_gen) -DNF_VERSION='"$(VERSION)"' -Ilib \
    -Xcompiler -fPIC,-Wall,-Wextra,-fvisibility=hidden \
    $(CUDA_STRICT) -O3 -lineinfo $(CUFLAGS)
# Noise has the same bits everywhere (normal.h).
$(BUILD)/cuda/rows.o: CUFLAGS = -fmad=false

# The same files as host code, for the tests, on a GPU made of loops.
emu = $(BUILD)/tests/emu
emu_obj = $(cuda_src:%.cu=$(emu)/%.o) $(BUILD)/lib/err.o $(BUILD)/lib/mem.o
ifneq ($(findstring clang,$(CC)),)
CXX = clang++
endif
emu_flags = -std=c++17 -DNF_VERSION='"$(VERSION)"' -Wall -Wextra \
    -Wno-unknown-pragmas -fPIC -fvisibility=hidden -ffp-contract=off \
    -pthread -MMD -MP -Itests/emu -Ilib $(pkg_cflags)
$(emu)/cuda/%.o: cuda/%.cu Makefile cuda/cuda.mk
	@mkdir -p $(@D)
	$(CXX) -x c++ $(emu_flags) $(CFLAGS) -O2 -c -o $@ $<
$(emu)/libnf-cuda.so: $(emu_obj)
	$(CXX) -shared -pthread $(CFLAGS) -Wl,--version-script=cuda/exports \
	    -o $@ $^ $(LIBS)

# And once more, so that each access is seen by the race detector, which
# stands in the place of the compiler's library.  What a debugger knows of
# variables would take minutes for files of a second.
race = $(BUILD)/tests/race
race_cflags = $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS))
race_obj = $(cuda_src:%.cu=$(race)/%.o) $(race)/race.o \
    $(BUILD)/lib/err.o $(BUILD)/lib/mem.o
$(race)/cuda/%.o: cuda/%.cu Makefile cuda/cuda.mk
	@mkdir -p $(@D)
	$(CXX) -x c++ $(emu_flags) $(race_cflags) -O2 -DEMU_RACE \
	    -fsanitize=thread -fno-var-tracking -c -o $@ $<
$(race)/race.o: tests/emu/race.cc Makefile cuda/cuda.mk
	@mkdir -p $(@D)
	$(CXX) $(emu_flags) $(race_cflags) -O2 -DEMU_RACE -c -o $@ $<
$(race)/libnf-cuda.so: $(race_obj)
	$(CXX) -shared -pthread $(race_cflags) \
	    -Wl,--version-script=cuda/exports -o $@ $^ $(LIBS)
cuda_tests = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/cuda_*.c))
$(cuda_tests) $(BUILD)/tests/dev: | $(emu)/libnf-cuda.so
ifeq ($(findstring clang,$(CXX))$(findstring -fsanitize,$(CFLAGS)),)
$(cuda_tests): | $(race)/libnf-cuda.so
endif
race:		## look for data races in the GPU's code, on an emulated GPU
	+@$(submake) $(race)/libnf-cuda.so $(cuda_tests)
	@BUILD=$(abspath $(BUILD)) sh tests/emu/race.sh
.PHONY: race

ifneq ($(and $(NVCC),$(cuda_src)),)
all: $(BUILD)/libnf-cuda.so
endif
# It finds CUDA's libraries where nvcc, or what its name leads to, has them,
# unless CUDA_RPATH names another folder; of its own and of what is
# linked in, it shows nf_plugin and nf_profiler alone.
$(BUILD)/libnf-cuda.so: $(cuda_obj)
	$(NVCC) -shared -Xlinker -soname,libnf-cuda.so.0 -Xlinker -z,defs \
	    -Xlinker --exclude-libs,ALL -Xlinker --version-script=cuda/exports \
	    -Xlinker -rpath,$(CUDA_RPATH) \
	    $(cuda_gen) -o $@ $^ -lcublasLt -lpthread
$(BUILD)/cuda/%.o: cuda/%.cu Makefile cuda/cuda.mk
	@mkdir -p $(@D)
	$(NVCC) $(ALLCUFLAGS) -MMD -MP -c -o $@ $<
