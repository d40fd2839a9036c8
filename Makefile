# nfpipe: normalizing flows in Unix pipes.  make help lists the targets.
VERSION = 0.1.0
PREFIX = /usr/local
BUILD = build
CFLAGS = -O3 -g
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
    -Wpointer-arith -Wvla -Wno-pass-failed
PKGS = hdf5 libzstd libxxhash libdeflate
DEBS = gcc g++ make pkg-config libhdf5-dev libzstd-dev libxxhash-dev \
    libdeflate-dev bats perl mandoc zstd gnuplot-nox \
    $(if $(findstring clang,$(CC)),clang libomp-dev)
pkg_cflags := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
pkg_libs := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

# No contraction: a*b+c rounds alike on every machine; fma() says where not.
ALLCFLAGS = -std=gnu11 -D_GNU_SOURCE -DNF_VERSION='"$(VERSION)"' $(WARN) \
    -fPIC -fopenmp -ffp-contract=off -fno-math-errno -fno-trapping-math \
    -pthread -MMD -MP -Ilib -Iformats $(pkg_cflags) $(CFLAGS)
LIBS = $(pkg_libs) -lm -ldl

# The CPU backend is compiled once for each instruction set it can choose.
cpu_src = $(wildcard lib/cpu_*.c)
lib_src = $(filter-out $(cpu_src),$(wildcard lib/*.c)) $(wildcard formats/*.c)
isa = portable
ifeq ($(shell uname -m),x86_64)
isa += avx2 avx512
isa_avx2 = -march=x86-64-v3
isa_avx512 = -march=x86-64-v4 -mprefer-vector-width=512
endif
lib_obj = $(lib_src:%.c=$(BUILD)/%.o) $(foreach i,$(isa),\
    $(cpu_src:%.c=$(BUILD)/%.$(i).o))
$(BUILD)/lib/cpu_product.%.o: ALLCFLAGS += -ffp-contract=fast
# The same flow in double: the tests' reference for float32.
ref_obj = $(patsubst %.c,$(BUILD)/ref/%.o,$(filter lib/%,$(lib_src)) $(cpu_src))
tool_src = $(wildcard tools/tool*.c)
tools = $(patsubst tools/%.c,%,$(filter-out $(tool_src),$(wildcard tools/*.c)))
ctests = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/*.c))
testutils = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/util/*.c))

all: $(tools:%=$(BUILD)/bin/%) $(BUILD)/libnf.so $(BUILD)/libnf.a

$(BUILD)/libnf.a: $(lib_obj)
$(BUILD)/libnf-ref.a: $(ref_obj)
$(BUILD)/libtool.a: $(tool_src:%.c=$(BUILD)/%.o)
$(BUILD)/%.a:
	rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/libnf.so: $(lib_obj) lib/nf.map
	$(CC) -shared -Wl,-soname,libnf.so.0 -Wl,--version-script=lib/nf.map \
	    $(ALLCFLAGS) -o $@ $(lib_obj) $(LIBS)
	ln -sf libnf.so $(BUILD)/libnf.so.0
$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -c -o $@ $<
define isa_rule
$(BUILD)/lib/%.$(1).o: lib/%.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(ALLCFLAGS) -DNF_ISA=$(1) $$(isa_$(1)) -c -o $$@ $$<
endef
$(foreach i,$(isa),$(eval $(call isa_rule,$(i))))
$(BUILD)/ref/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -DNF_REF -DNF_ISA=portable -c -o $@ $<
$(BUILD)/bin/%: $(BUILD)/tools/%.o $(BUILD)/libtool.a $(BUILD)/libnf.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -rdynamic -o $@ $^ $(BIN_LIBS)
$(BUILD)/tests/%_ref: tests/%_ref.c $(BUILD)/libnf-ref.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -DNF_REF -o $@ $< $(filter %.o %.a,$^) $(LIBS)
$(BUILD)/tests/%: tests/%.c $(BUILD)/libtool.a $(BUILD)/libnf.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $< $(filter %.o %.a,$^) $(LIBS)
include $(wildcard cuda/cuda.mk debian/deb.mk formats/h5.mk tests/bench/*.mk tests/gpu/gpu.mk)
# A make that was not told how many jobs to run takes every core.
submake = $(MAKE) -s --no-print-directory \
    $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

deps:		## install what is missing (Debian, apt-get)
	@sh pipelines/deps.sh $(DEBS)
check: deps	## build everything and run the whole test suite
	+@$(submake) all $(ctests) $(testutils)
	BUILD=$(abspath $(BUILD)) prove -fo -j2 tests/*.bats $(ctests)
asan:		## the suite under address and undefined-behaviour sanitizers
	ASAN_OPTIONS=intercept_tls_get_addr=0 $(MAKE) BUILD=build-asan NVCC= \
	    CFLAGS="-O1 -g -DNF_FAULTS -fno-omit-frame-pointer \
	    -fsanitize=address,undefined -fno-sanitize-recover=all" check
demo: deps	## train, sample and compare on the bundled jets, in minutes
	+@$(submake) all
	@PATH=$(abspath $(BUILD))/bin:$$PATH $(MAKE) --no-print-directory \
	    -f pipelines/demo.mk
install: all	## PREFIX= DESTDIR= LIBDIR=
	sh pipelines/install.sh "$(BUILD)" "$(DESTDIR)$(PREFIX)" "$(PREFIX)" \
	    $(VERSION) "$(PKGS)"
clean:		## remove what was built
	rm -rf $(BUILD) build-asan
help:		## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile */*.mk */*/*.mk

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all deps check asan demo install clean help
.SECONDARY:
