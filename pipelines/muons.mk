# Reconstructed muons from generator muons: train a flow, draw from it,
# compare the draws with the truth, report.
NAME = muons
TITLE = Reconstructed muons from generator muons
BY = GenMuon_pt:4
LOGS = Muon_dxyErr Muon_dzErr Muon_ip3d Muon_sip3d Muon_ptErr \
    Muon_jetPtRelv2 Muon_pfRelIso03_all Muon_pfRelIso03_chg Muon_pfRelIso04_all
PROFILES = log:GenMuon_pt,Muon_ptRatio log:GenMuon_pt,Muon_ptErr \
    GenMuon_eta,Muon_dxyErr log:GenMuon_pt,Muon_dzErr \
    Pileup_nPU,Muon_pfRelIso04_all ClosestGenJet_dr,Muon_jetPtRelv2
ROCS = Muon_softMva,GenMuon_statusFlag0 \
    Muon_sip3d,GenMuon_statusFlag6 \
    Muon_pfRelIso04_all,GenMuon_statusFlag6 \
    Muon_jetRelIso,GenMuon_statusFlag6

include $(dir $(lastword $(MAKEFILE_LIST)))flow.mk
