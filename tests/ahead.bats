#!/usr/bin/env bats
# nftrain fits the recipe while rows arrive: of which its results and errors
# show nothing.  The tables are larger than the part that it takes at a time.
load lib

setup_file()
{
	cd "$BATS_FILE_TMPDIR"
	h5cols "$JETS" "$JETS" "$JETS" "$JETS" "$JETS" >j.nfs	# 12 MB
}

setup()
{
	cd "$BATS_TEST_TMPDIR"
	j=$BATS_FILE_TMPDIR/j.nfs
	cat >s.cfg <<-'END'
	[data]
	context = GenJet_*, ClosestMuon_*
	target = Jet_*, SecondClosestMuon_*
	[prep]
	GenJet_pt = log, standardize
	GenJet_partonFlavour = onehot -5 -4 -3 -2 -1 0 1 2 3 4 5 21
	Jet_qgl = spike -1, standardize, scale
	Jet_puId = levels 0 4 6 7
	Jet_nConstituents = uniform 0.5, standardize
	[flow]
	steps = 1
	hidden = 4
	blocks = 1
	bins = 4
	[train]
	epochs = 1
	batch = 4096
	END
}

# both NAME: the two files of a training as one.
both()
{
	cat "$1" "$1.last"
}

# recipe MODEL: as it was fitted.
recipe()
{
	nfmodel "$1" | grep '^  [A-Z].* seen '
}

# bad ROWS VALUE: a jet's rows, the last with another GenJet_pt.
bad()
{
	h5cols -n "$1" "$JETS" | nfcat --csv | awk -F, -v OFS=, -v v="$2" '
	    NR == 1 { for (i = 1; $i != "GenJet_pt"; i++) ; print; next }
	    { if (l != "") print l; l = $0 }
	    END { $0 = l; $i = v; print }' | nfcat --type f32
}

@test "ahead: a file, pipes of any pace and any threads: one result" {
	nftrain -q -c s.cfg -o a.nf "$j"
	cat "$j" | nftrain -q -c s.cfg -o b.nf
	cmp <(both a.nf) <(both b.nf)
	{
		head -c 11000001 "$j"
		sleep 0.3
		tail -c +11000002 "$j"
	} | nftrain -q -c s.cfg -o b.nf
	cmp <(both a.nf) <(both b.nf)
	cat "$j" | OMP_NUM_THREADS=1 nftrain -q -c s.cfg -o b.nf
	cmp <(recipe a.nf) <(recipe b.nf)
	cat "$j" | NF_ISA=portable OMP_NUM_THREADS=3 nftrain -q -c s.cfg -o b.nf
	cmp <(recipe a.nf) <(recipe b.nf)
}

# five: the rows of j.nfs; nobody knows how many will come.
five()
{
	h5cols --nonfinite=drop "$JETS" "$JETS" "$JETS" "$JETS" "$JETS"
}

@test "ahead: known or not how many come, and fewer than a batch: one result" {
	sed -i 's/epochs = 1/epochs = 2/
	    s/^context = .*/context = GenJet_[!m]*\nweight = GenJet_mass/' s.cfg
	for batch in 9000 99000; do	# of 100000 some validate
		nftrain -q -c s.cfg --set train.batch=$batch -o a.nf "$j"
		five | nftrain -q -c s.cfg --set train.batch=$batch -o b.nf
		cmp <(both a.nf) <(both b.nf)
	done
}

@test "ahead: stopped before all rows were prepared, and resumed: one result" {
	nftrain -q -c s.cfg -o a.nf --set train.epochs=2 "$j"
	nftrain -q -c s.cfg -o b.nf --max-time 0.001 "$j"
	run nfmodel --history b.nf.last
	[ "${#lines[@]}" -eq 1 ]	# in the first epoch
	nftrain -q -c s.cfg -o b.nf --set train.epochs=2 --resume "$j"
	cmp <(nfmodel --history a.nf | cut -f 1-6) \
	    <(nfmodel --history b.nf | cut -f 1-6)
}

@test "ahead: no training begins with a row that will be refused" {
	# Some validate; an op behind the last that is fitted sees neither.
	for n in 19990 19991 19992 19993; do
		bad $n -1e6 >b.nfs
		for ops in log "log, standardize" "standardize, log 0.1 1"; do
			sed "s/^GenJet_pt = .*/GenJet_pt = $ops/" s.cfg >t.cfg
			run -3 --separate-stderr nftrain -c t.cfg \
			    --set data.valid_fraction=0.5 b.nfs
			[[ $stderr == "nftrain: b.nfs: row $((n - 1)), column \
GenJet_pt: log "*" cannot take -"* ]]
		done
	done
	[ ! -e t.nf ]
}

@test "ahead: rows that leave memory after some were seen, too" {
	nftrain -q -c s.cfg -o a.nf "$j"
	for size in 35M 15M; do
		run -0 --separate-stderr bash -c \
		    "cat $j | nftrain -c s.cfg -o b.nf --memory $size"
		[[ $stderr == *"on disk"* ]]
		cmp <(recipe a.nf) <(recipe b.nf)
	done
}

@test "ahead: with validation rows of their own, all rows are fitted to" {
	h5cols -n 500 "$JETS" >v.nfs
	nftrain -q -c s.cfg -o a.nf -v v.nfs "$j"
	cat "$j" | nftrain -q -c s.cfg -o b.nf -v v.nfs
	cmp <(both a.nf) <(both b.nf)
	nftrain -q -c s.cfg -o c.nf "$j"
	! cmp -s <(recipe a.nf) <(recipe c.nf)
	# As many that validate: both raw at a time would be too much.
	nftrain -q -c s.cfg -o a.nf -v "$j" "$j"
	nftrain -q -c s.cfg -o b.nf -v "$j" --memory 55M "$j"
	cmp <(both a.nf) <(both b.nf)
}

@test "ahead: the first bad row is named, wherever it is" {
	bad 20000 -5 >19999.nfs
	bad 7 -6 >6.nfs
	run -3 --separate-stderr bash -c "nfcat $j 6.nfs |
	    nftrain -c s.cfg"
	[[ $stderr == "nftrain: stdin: row 100006, column GenJet_pt: log 1 0 \
cannot take -6: "* ]]
	run -3 --separate-stderr bash -c "nfcat 19999.nfs $j 6.nfs |
	    nftrain -c s.cfg"
	[[ $stderr == "nftrain: stdin: row 19999, column GenJet_pt: log 1 0 \
cannot take -5: "* ]]
	[ ! -e s.nf ]
}

@test "ahead: a stream that is cut or damaged says so, whatever its rows" {
	bad 20000 -5 >b.nfs
	nfcat b.nfs "$j" >all.nfs
	run -3 --separate-stderr bash -c \
	    "head -c 13000000 all.nfs | nftrain -c s.cfg"
	[[ $stderr == "nftrain: stdin: stream ended early: "* ]]
	run -3 --separate-stderr bash -c \
	    "head -c -1 all.nfs | nftrain -c s.cfg"
	[[ $stderr == "nftrain: stdin: stream ended early: "* ]]
	flip all.nfs 12000000 >flipped.nfs
	run -3 --separate-stderr nftrain -c s.cfg flipped.nfs
	[[ $stderr == *"the checksum differs" ]]
}
