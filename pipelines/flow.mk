# The chain of a data set, for jets.mk and muons.mk, which say what is
# particular to each:
#
#     OUT/true.nfs      the rows that validate, and with which draws compare
#     OUT/train/        the model while it is trained, its checkpoint, its log
#     OUT/model.nf      the model, once its training has ended
#     OUT/flash.nfs     draws for the conditions of true.nfs
#     OUT/compare.tsv   how far they are from the truth; compare.txt to read
#     OUT/latents.tsv   how far true rows are from normal, for the model
#     OUT/report.html   all of it on one page
#
# A file appears under its name when it is whole, so make goes on where it
# was stopped.  OUT keeps what it was told (*.set): a later make need not be
# told again, and what depends on a value is made anew when that changes.
SHELL = /bin/sh
here := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
bundled := $(here)/data/$(NAME).h5

# On the command line:
OUT = $(NAME)
DATA = $(bundled)
VALID =
CFG = $(NAME)-small.cfg
EPOCHS =
TIME = $(if $(filter $(bundled),$(DATA)),60s)
SEED =
REPEAT = 1
DEVICE = auto
SHARDS = 1
LIMIT =

# What of this decides what the training, and what the draws, will be.
train_set = DATA VALID CFG EPOCHS TIME SEED
flash_set = REPEAT

# Take over what OUT was told; what this command line says goes before it.
told = $(shell sed -n 's/^$(1) = //p' $(OUT)/$(2).set)
recall = $(if $(wildcard $(OUT)/$(1).set),\
    $(foreach v,$($(1)_set),$(eval $(v) := $(call told,$(v),$(1)))))
$(call recall,flash)$(call recall,train)
now = $(strip $(foreach v,$($(1)_set),$(v) = $($(v))))
then = $(strip $(shell cat $(OUT)/$(1).set 2>/dev/null))
changed = $(if $(subst [$(now)],,[$(then)]),FORCE)

cfg = $(firstword $(wildcard $(CFG) $(here)/$(CFG)) $(CFG))

# A name with a blank is two to make; what is wrong is said before work begins.
odd = $(strip $(foreach c,: %,$(findstring $c,$(OUT))))
ifneq ($(words $(OUT))$(odd),1)
$(error OUT is '$(OUT)': want one directory, without blanks and : % in it)
endif
files = $(or $(DATA),'') $(VALID)
$(foreach f,$(files),$(if $(wildcard $f),,$(error DATA and VALID: \
    no file $f; want HDF5 files, whose names are without blanks)))
ifeq ($(wildcard $(cfg)),)
$(error CFG: no file '$(CFG)', here or in $(here))
endif
ifeq ($(filter-out 0,$(shell expr '$(SHARDS)' : '[1-9][0-9]*$$')),)
$(error SHARDS is '$(SHARDS)': want a whole number from 1)
endif

# Programs are found as always, else beside this file.
export PATH := $(PATH):$(abspath $(here)/../build/bin):$(abspath \
    $(here)/../../bin)
seed = $(if $(SEED),--seed $(SEED))

# Of data that come without any to validate, the last fifth does.
rows = $$(h5cols -c 0 $(DATA) | nfcat -i | sed -n 's/^rows	//p')
if_rows = rows=$(rows) && [ -n "$$rows" ]
unseen = $(if_rows) && h5cols -s $$((rows * 4 / 5)) $(DATA)
seen = $(if_rows) && h5cols -n $$((rows * 4 / 5)) $(DATA)
training = $(if $(strip $(VALID)),h5cols $(DATA),$(seen))
validating = $(if $(strip $(VALID)),h5cols $(VALID),$(unseen))

# The model's targets, as a list of COLUMNS.
targets = $$(nfcat -n 1 $(OUT)/true.nfs | \
    nfsample --device cpu --targets-only $(OUT)/model.nf | nfcat -i | \
    sed -n 's/^column	//p' | paste -s -d , -)

by = $(if $(BY),--by $(BY))

# Shards that are drawn beside each other share the cores.
jobs = $(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS)))
share = $$(( $$(nproc) / ($(jobs) < $(SHARDS) ? $(jobs) : $(SHARDS)) ))
threads = $(if $(jobs),--threads $$(($(share) > 1 ? $(share) : 1)))
last := $(shell expr $(SHARDS) - 1)
shards = $(patsubst %,$(OUT)/flash.%-of-$(SHARDS).nfs,$(shell seq 0 $(last)))

all: report
train: $(OUT)/model.nf
sample: $(OUT)/flash.nfs
compare: $(OUT)/compare.txt
	@cat $<
report: $(OUT)/report.html
	@echo $<
deliver: $(OUT)/flash.h5

help:
	@sed -n '/^#/!q; s/^# //p' $(firstword $(MAKEFILE_LIST))
	@sed -n 's/^#- \{0,1\}//p' $(here)/flow.mk
#-
#- make -f $(NAME).mk [TARGET]... [VARIABLE=VALUE]...
#-
#- train     fit the flow: OUT/model.nf
#- sample    draw for the conditions of VALID: OUT/flash.nfs
#- compare   how far the draws are from the truth: OUT/compare.txt
#- report    all of it on one page, OUT/report.html; the default
#- deliver   the draws as an HDF5 file: OUT/flash.h5
#-
#- DATA=     HDF5 files to train on; the default is a small set that is here
#- VALID=    HDF5 files to validate and compare with, instead of the last
#-           fifth of DATA
#- CFG=      configuration, also one of those beside the makefile
#- EPOCHS=   instead of the configuration's
#- TIME=     train no longer, as 10m; 60s on the data that are here
#- SEED=     of training and draws
#- REPEAT=   draws a row; histograms then count the draws of a row as one
#- SHARDS=   draw in so many parts, beside each other under make -j
#- DEVICE=   cpu, cuda, cuda:N or auto
#- LIMIT=    options of nfcmp(1) that let compare fail: '--max-auc 0.7'
#- OUT=      the directory of all results; it keeps these values
#- Names of files and directories are without blanks: make parts them there.

$(OUT)/train.set: $(call changed,train)
$(OUT)/flash.set: $(call changed,flash)
$(OUT)/%.set:
	@mkdir -p $(@D)
	@printf '%s\n' $(foreach v,$($*_set),'$(v) = $($(v))') >$@.tmp
	@mv $@.tmp $@
FORCE:

$(OUT)/true.nfs: $(DATA) $(VALID) $(OUT)/train.set
	$(validating) >$@.tmp
	@mv $@.tmp $@

$(OUT)/model.nf: $(OUT)/true.nfs $(cfg) $(OUT)/train.set
	@mkdir -p $(OUT)/train
	@$(training) -c 0 | nfcat -i | \
	    sed -n 's/^rows	/training rows = /p' >$(OUT)/train/rows
	$(training) | \
	    nftrain --resume -c $(cfg) -v $< -o $(OUT)/train/model.nf \
	    --log $(OUT)/train/log.tsv --device $(DEVICE) $(seed) \
	    $(if $(EPOCHS),--set train.epochs=$(EPOCHS)) \
	    $(if $(TIME),--max-time $(TIME))
	@m=$(OUT)/train/model.nf; [ -e $$m ] || m=$$m.last; cp $$m $@.tmp
	@mv $@.tmp $@

$(shards): $(OUT)/flash.%-of-$(SHARDS).nfs: $(OUT)/model.nf \
    $(OUT)/true.nfs $(OUT)/flash.set
	nfsample -n $(REPEAT) $(if $(filter-out 1,$(REPEAT)),--index) $(seed) \
	    --shard $*/$(SHARDS) --device $(DEVICE) $(threads) \
	    $(OUT)/model.nf $(OUT)/true.nfs >$@.tmp
	@mv $@.tmp $@

# Of one file, nfcat knows how many rows it will write: the same bytes for
# any number of shards.
$(OUT)/flash.nfs: $(shards)
	@nfcat $^ >$@.joined
	nfcat $@.joined >$@.tmp
	@mv $@.tmp $@
	@rm $@.joined $^
.SECONDARY: $(shards)

$(OUT)/compare.tsv: $(OUT)/true.nfs $(OUT)/flash.nfs
	nfcmp --tsv $(by) -c "$(targets)" $^ >$@.tmp
	@mv $@.tmp $@

$(OUT)/compare.txt: $(OUT)/true.nfs $(OUT)/flash.nfs
	@nfcmp $(LIMIT) -c "$(targets)" $^ >$@.tmp || { cat $@.tmp; exit 1; }
	@mv $@.tmp $@

$(OUT)/latents.tsv: $(OUT)/model.nf $(OUT)/true.nfs
	nflogp --latent --device $(DEVICE) $^ | nfcmp --normal --tsv $(by) >$@.tmp
	@mv $@.tmp $@

$(OUT)/report.html: $(OUT)/compare.tsv $(OUT)/latents.tsv $(here)/report.sh
	sh $(here)/report.sh -t '$(TITLE)' $(if $(BY),-b $(BY)) \
	    $(LOGS:%=-l %) $(PROFILES:%=-p %) $(ROCS:%=-r %) \
	    -n $(OUT)/latents.tsv -k $(OUT)/train/rows \
	    -k $(OUT)/train.set -k $(OUT)/flash.set \
	    $(if $(filter-out 1,$(REPEAT)),-f row) \
	    $(OUT)/model.nf $(OUT)/true.nfs $(OUT)/flash.nfs $< >$@.tmp
	@mv $@.tmp $@

$(OUT)/flash.h5: $(OUT)/flash.nfs
	h5save --gzip -o $@ $<

.PHONY: all train sample compare report deliver help
.DELETE_ON_ERROR:
