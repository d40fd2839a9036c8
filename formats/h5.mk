# Programs take libhdf5 from its archive where there is one: the shared one of
# Debian brings thirty libraries for reading from the network, and they would
# take longer to load than most commands to run.  BIN_LIBS="$(LIBS)" does not.
h5_dir = $(patsubst -L%,%,$(firstword $(filter -L%,$(pkg_libs))))
h5_needs = $(shell sed -n 's/^ *Extra libraries: *//p' \
    $(h5_dir)/libhdf5.settings)
BIN_LIBS = $(LIBS)
ifneq ($(and $(h5_dir),$(wildcard $(h5_dir)/libhdf5.a),$(wildcard \
    $(h5_dir)/libhdf5.settings)),)
BIN_LIBS = -Wl,--as-needed $(h5_dir)/libhdf5.a \
    $(filter-out -lhdf5,$(LIBS)) $(h5_needs)
endif
