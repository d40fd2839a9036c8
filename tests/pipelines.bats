#!/usr/bin/env bats
# The pipelines: they go on where they stopped, redo nothing, and give the
# same whatever the shards.
load lib

# make as a reader of README calls it, quietly.
flow()
{
	make -s --no-print-directory -f "$repo/pipelines/$1.mk" "${@:2}"
}

# A data set of ROWS jets, and a flow for it that trains in a second.
small()
{
	h5cols -n "$1" "$JETS" | h5save -o data.h5
	cat >small.cfg <<-'END'
	[data]
	context = GenJet_*
	target = Jet_ptRatio, Jet_jetId
	[prep]
	Jet_jetId = levels 0 2 6
	[flow]
	steps = 2
	hidden = 8
	blocks = 1
	bins = 4
	[train]
	epochs = 2
	batch = 100
	END
	asked=(DATA=data.h5 CFG=small.cfg OUT=out DEVICE=cpu
	    "PROFILES=GenJet_pt,Jet_ptRatio" ROCS=)
}


@test "pipelines: every target, then nothing left to do" {
	small 1000
	flow jets "${asked[@]}" >log 2>&1
	[ "$(tail -n 1 log)" = out/report.html ]
	for f in true.nfs model.nf flash.nfs compare.tsv report.html; do
		[ -s "out/$f" ] || echo "no $f"
	done | diff /dev/null -
	[ "$(nfcat -i out/true.nfs | sed -n 's/^rows\t//p')" -eq 200 ]
	[ "$(cat out/train/rows)" = "training rows = 800" ]
	h5cols -s 800 data.h5 | cmp - out/true.nfs
	[ -z "$(find out -name '*.tmp' -o -name '*joined' -o -name '*-of-*')" ]
	flow jets "${asked[@]}" compare deliver >compared
	cmp compared out/compare.txt
	h5cols out/flash.h5 | nfcat | nfcat --sum | cmp - \
	    <(nfcat --sum out/flash.nfs)
	run -0 make -f "$repo/pipelines/jets.mk" OUT=out train sample
	[[ $output == *"Nothing to be done for 'train'"*"Nothing to be done"* ]]
}

@test "pipelines: OUT keeps what it was told; a change remakes what it must" {
	small 1000
	flow jets "${asked[@]}" SEED=3 sample 2>/dev/null
	cp -p out/model.nf was.nf
	run -0 make -n --no-print-directory -f "$repo/pipelines/jets.mk" \
	    OUT=out sample
	[ "$output" = "make: Nothing to be done for 'sample'." ]

	flow jets OUT=out REPEAT=2 sample	# draws anew, trains not
	cmp was.nf out/model.nf
	[ "$(nfcat -i out/flash.nfs | sed -n 's/^rows\t//p')" -eq 400 ]
	nfcat -i out/flash.nfs | grep -qx 'column	draw'
	nfcat -i out/flash.nfs | grep -q 'seed 3'

	flow jets OUT=out EPOCHS=3 train 2>log	# goes on: one epoch more
	[ "$(grep -c '^epoch ' log)" -eq 1 ]
	[ "$(nfmodel --history out/model.nf | wc -l)" -ge 4 ]

	run ! --separate-stderr flow jets OUT=out SEED=4 train
	[[ $stderr == *"seed was 3 and now is 4"* ]]
}

@test "pipelines: a training that is stopped goes on, to the same end" {
	small 2000
	flow jets "${asked[@]}" EPOCHS=8 OUT=whole train 2>/dev/null
	: >log
	setsid make -s -f "$repo/pipelines/jets.mk" "${asked[@]}" EPOCHS=8 \
	    train 2>log &
	group=$!
	until grep -q '^epoch 2/' log; do
		kill -0 "$group" || break
		sleep 0.02
	done
	kill -TERM -- "-$group" || :
	while kill -0 -- "-$group"; do		# nftrain ends after make
		sleep 0.02
	done
	if [ ! -e out/model.nf ]; then		# it was not too late
		[ -e out/train/model.nf.last ]
		flow jets "${asked[@]}" EPOCHS=8 train 2>log
		! grep -q '^epoch 1/' log
	fi
	cmp whole/model.nf out/model.nf
}

@test "pipelines: the same draws from one shard and from three, make -j" {
	small 1001
	flow jets "${asked[@]}" sample 2>/dev/null
	cp out/flash.nfs one.nfs
	rm out/flash.nfs
	flow jets OUT=out DEVICE=cpu SHARDS=3 -j 3 sample
	cmp one.nfs out/flash.nfs
	rm out/flash.nfs
	# Two of three that were drawn before a failure are not drawn again.
	flow jets OUT=out DEVICE=cpu SHARDS=3 out/flash.0-of-3.nfs \
	    out/flash.2-of-3.nfs
	run -0 make -s -n -f "$repo/pipelines/jets.mk" OUT=out SHARDS=3 sample
	[ "$(grep -c -- '--shard' <<<"$output")" -eq 1 ]
	flow jets OUT=out DEVICE=cpu SHARDS=3 sample
	cmp one.nfs out/flash.nfs
}

@test "pipelines: draws beyond a limit fail, and are shown" {
	small 1000
	flow jets "${asked[@]}" LIMIT='--max-auc 1' compare >/dev/null 2>&1
	rm out/compare.txt
	run ! flow jets OUT=out LIMIT='--max-w1 0' compare
	[[ $output == *"AUC of boosted trees"* ]]
	[ ! -e out/compare.txt ]
}

@test "pipelines: another file to validate with, several to train on" {
	small 300
	h5cols -s 5000 -n 150 "$JETS" | h5save -o valid.h5
	flow jets "${asked[@]}" DATA='data.h5 data.h5' VALID=valid.h5 train 2>log
	grep -q '^600 rows to train on, 150 to validate' log
	h5cols valid.h5 | cmp - out/true.nfs
}

@test "pipelines: a stage that fails leaves nothing under a whole name" {
	small 1000
	flow jets "${asked[@]}" train 2>/dev/null
	head -c 4000 out/true.nfs >cut && cp cut out/true.nfs
	run ! --separate-stderr flow jets OUT=out sample
	[ ! -e out/flash.nfs ]
	run ! --separate-stderr flow jets DATA=none.h5 train
	[[ $stderr == *"none.h5"* ]]
}

@test "pipelines: what cannot be done is one line, before work begins" {
	local ask want

	mkdir 'a b'
	cp "$JETS" 'a b/d.h5'
	while IFS='|' read -r ask want; do
		run flow jets OUT=none "$ask"
		[ "$status" -eq 2 ] || echo "$ask: status $status"
		[[ ${#lines[@]} -eq 1 && "$output" == *"*** $want.  Stop." ]] ||
		    echo "$ask: $output"
	done >bad <<-END
	OUT=a b|OUT is 'a b': want one directory, without blanks and : % in it
	OUT=|OUT is '': want one directory, without blanks and : % in it
	OUT=a:b|OUT is 'a:b': want one directory, without blanks and : % in it
	DATA=a b/d.h5|DATA and VALID: no file a; want HDF5 files, whose names are without blanks
	DATA=|DATA and VALID: no file ''; want HDF5 files, whose names are without blanks
	VALID=nix.h5|DATA and VALID: no file nix.h5; want HDF5 files, whose names are without blanks
	CFG=nix.cfg|CFG: no file 'nix.cfg', here or in $repo/pipelines
	SHARDS=0|SHARDS is '0': want a whole number from 1
	SHARDS=2 3|SHARDS is '2 3': want a whole number from 1
	END
	diff /dev/null bad
	[ ! -e none ]
	flow jets OUT=out "DATA=$repo/pipelines/data/j*.h5" -n sample >/dev/null
}

@test "pipelines: the bundled muons train with their small configuration" {
	flow muons TIME=2s DEVICE=cpu OUT=m SHARDS=2 report >/dev/null 2>&1
	[ "$(nfcat -i m/flash.nfs | sed -n 's/^rows\t//p')" -eq 1000 ]
	grep -q 'Muon_softMvaId: draws and truth' m/report.html
	nfcat -c 'Muon_is*,Muon_*Id' -t m/flash.nfs | tail -n +2 |
	    tr '\t' '\n' | sort -u | diff - <(printf '0\n1\n')
}

@test "pipelines: help names every target and variable" {
	run -0 flow jets help
	for w in train sample compare report deliver DATA= VALID= CFG= EPOCHS= \
	    TIME= SEED= REPEAT= SHARDS= DEVICE= LIMIT= OUT=; do
		[[ $output == *$w* ]] || echo "no $w"
	done | diff /dev/null -
	[[ ${lines[0]} == "Reconstructed jets"* ]]
	[ ! -e jets ]				# and makes nothing
}

@test "pipelines: run where they are installed, with the programs there" {
	sanitized && skip "needs the sanitizer's options"
	(cd "$repo" && sh pipelines/install.sh "$BUILD" \
	    "$BATS_TEST_TMPDIR/inst" /usr 0 "") >/dev/null
	small 300
	PATH=/usr/local/bin:/usr/bin:/bin make -s --no-print-directory \
	    -f inst/share/nfpipe/jets.mk "${asked[@]}" compare >out.txt 2>&1
	grep -q '^AUC' out.txt
	PATH=/usr/local/bin:/usr/bin:/bin make -s -n \
	    -f inst/share/nfpipe/muons.mk train >plan
	grep -q 'inst/share/nfpipe/data/muons.h5' plan
	grep -q 'inst/share/nfpipe/muons-small.cfg' plan
}

@test "pipelines: every command of nfpipe(7) about them runs" {
	local command bad=0

	h5cols -n 800 "$JETS" | h5save -o train.h5
	h5cols -s 800 -n 200 "$JETS" | h5save -o valid.h5
	mandoc -Tascii -O width=200 "$repo/man/nfpipe.7" | sed 's/.\x08//g' |
	    awk '/^[A-Z]/ { on = $0 == "PIPELINES" }
	    on && (more || $1 == "$") {
		if (!more)
			sub(/^ *\$ /, "")
		more = sub(/\\$/, "")
		printf "%s%s", $0, more ? " " : "\n"
	    }' | sed "s|/usr/local/share/nfpipe|$repo/pipelines|" >commands
	[ "$(wc -l <commands)" -eq 4 ]
	while read -r command; do
		timeout 100 bash -c "$command" </dev/null >out 2>&1 && continue
		echo "$command:"
		tail -n 5 out
		bad=1
	done <commands
	[ "$bad" -eq 0 ]
	[ -s first/report.html ]
}
