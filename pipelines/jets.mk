# Reconstructed jets from generator jets: train a flow, draw from it, compare
# the draws with the truth, report.
NAME = jets
TITLE = Reconstructed jets from generator jets
BY = GenJet_pt:4
PROFILES = log:GenJet_pt,Jet_ptRatio GenJet_eta,Jet_ptRatio \
    log:GenJet_pt,Jet_nConstituents GenJet_eta,Jet_qgl \
    GenJet_hadronFlavour,Jet_btagDeepFlavB log:GenJet_pt,Jet_bRegCorr
ROCS = Jet_btagDeepFlavB,GenJet_hadronFlavour=5 \
    Jet_btagDeepB,GenJet_hadronFlavour=5 \
    Jet_btagCSVV2,GenJet_hadronFlavour=5 \
    Jet_btagDeepC,GenJet_hadronFlavour=4

include $(dir $(lastword $(MAKEFILE_LIST)))flow.mk
