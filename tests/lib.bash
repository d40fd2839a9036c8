# What every bats file loads: the built programs, an empty directory, helpers.
bats_require_minimum_version 1.5.0

repo=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
export BUILD=${BUILD:-$repo/build}
export PATH=$BUILD/bin:$BUILD/tests/util:$PATH
export LC_ALL=C.UTF-8
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
export OMP_WAIT_POLICY=passive		# tests run beside each other
export JETS=$repo/pipelines/data/jets.h5
twice=': rename one, or leave it out'	# of columns of one name
unset NF_FAULT NO_COLOR COLUMNS
unset MAKEFLAGS MFLAGS MAKELEVEL	# a test's make is not check's

setup()
{
	cd "$BATS_TEST_TMPDIR"
}

# size FILE: its bytes.
size()
{
	stat -L -c %s "$1"
}

# flip FILE BYTE: FILE with every bit of that byte (from 0) inverted.
flip()
{
	local b

	b=$(od -An -tu1 -j "$2" -N 1 "$1")
	head -c "$2" "$1"
	printf "\\x$(printf %02x $((b ^ 255)))"
	tail -c +$(($2 + 2)) "$1"
}

# on_terminal COMMAND: run it with a terminal as its input and outputs.
on_terminal()
{
	script -qec "$1" /dev/null
}

# sanitized: were the programs built by make asan?
sanitized()
{
	grep -qa __asan_init "$BUILD/tests/util/faults_built"
}

# long_options PROGRAM: those that its source knows.
long_options()
{
	{
		grep -oE '\{ *"[a-z0-9-]+", *([012]|[a-z]*_argument)' \
		    "$repo/tools/$1.c" | sed -E 's/\{ *"([^"]*)".*/\1/'
		printf 'help\nversion\n'
	} | sort
}

# short_options PROGRAM: the letters in its call of tool_option.
short_options()
{
	tr -d '\n' <"$repo/tools/$1.c" |
	    grep -oP 'tool_option\(argc, argv,\s*"\K[^"]*' |
	    tr -d ':\n' | fold -w 1 | sort
}

# jets_cfg: the start of a small flow's configuration, every kind of target in
# it; [flow] is open.
jets_cfg()
{
	cat <<-'END'
	[data]
	context = GenJet_pt, GenJet_hadronFlavour
	target = Jet_ptRatio, Jet_jetId, Jet_btagDeepB, Jet_nConstituents
	[prep]
	GenJet_pt = log, standardize
	GenJet_hadronFlavour = onehot 0 4 5
	Jet_jetId = levels 0 2 6
	Jet_btagDeepB = spike -1, standardize
	Jet_nConstituents = uniform 0.5, standardize
	[flow]
	steps = 2
	hidden = 8
	blocks = 1
	bins = 4
	END
}

# fails_cleanly COMMAND: whichever allocation, read or write of it fails, it
# says so in one line, with status 1, and no stream that it began is whole.
fails_cleanly()
{
	local site n step

	bash -c "$1" >want
	for site in alloc read write; do
		step=1
		for ((n = 1; n < 5000; n += step)); do
			run --separate-stderr env NF_FAULT=$site:$n \
			    bash -c "$1 >out"
			[ "$status" -ne 0 ] || break
			[ "$status" -eq 1 ]
			[ "${#stderr_lines[@]}" -eq 1 ]
			run -3 nfcat --check out
			[ "$n" -lt 20 ] || step=$((n / 10))
		done
		cmp out want
	done
}
