# make bench: the machine's ceilings, and how near to them nfpipe comes.
# OpenBLAS is asked for as a peer; nothing else of nfpipe needs it.
bench: deps	## measure speed, as shares of what this machine can do
	@sh pipelines/deps.sh libopenblas-dev
	+@$(submake) $(BUILD)/tests/bench/bench
	$(BUILD)/tests/bench/bench $(BENCH)
$(BUILD)/tests/bench/bench: $(wildcard tests/bench/*.c) \
    $(wildcard tests/bench/*.h) $(BUILD)/libnf.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(shell pkg-config --cflags openblas) -o $@ \
	    $(filter %.c %.a,$^) $(shell pkg-config --libs openblas) $(LIBS)
.PHONY: bench
