# PIPES="COPIES RUNS FILE.tsv": how much data, how often, where figures go.
pipes_needs = $(BUILD)/tests/bench/pipeutil $(BUILD)/tests/util/mkmodel
bench-pipes: all	## measure the pipes against bare ones and libhdf5
	+@$(submake) $(pipes_needs)
	@BUILD=$(abspath $(BUILD)) sh tests/bench/pipes/pipes.sh \
	    pipelines $(PIPES)
$(BUILD)/tests/bench/pipeutil: tests/bench/pipes/pipeutil.c
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $< $(LIBS)
.PHONY: bench-pipes
