# make demo: train on bundled jets, draw jets for conditions that were never
# seen, and look at them beside the true ones.  Everything lands in demo/.
DATA = pipelines/data/jets.h5
CFG = pipelines/jets-small.cfg
TRAIN = 16000
TIME = 75s
SEEN = Jet_ptRatio,Jet_btagCSVV2,Jet_nConstituents,Jet_jetId

show: demo/flash.nfs demo/true.nfs
	@echo
	@echo "Jets drawn from the flow, | the true ones of the same conditions:"
	nfhist -c $(SEEN) -r demo/true.nfs demo/flash.nfs
	@echo "Mean negative log-likelihood of the true jets, in nats:"
	@nflogp --mean demo/jets.nf demo/true.nfs

demo/jets.nf: $(DATA) $(CFG)
	@mkdir -p demo
	h5cols -n $(TRAIN) $(DATA) | \
	    nftrain -c $(CFG) -o $@ --max-time $(TIME)
	@touch $@
demo/true.nfs: $(DATA)
	@mkdir -p demo
	h5cols -s $(TRAIN) $(DATA) >$@.tmp
	@mv $@.tmp $@
demo/flash.nfs: demo/jets.nf
	h5cols -s $(TRAIN) -c 'GenJet_*,*Muon_*' $(DATA) | \
	    nfsample demo/jets.nf >$@.tmp
	@mv $@.tmp $@
.PHONY: show
