#!/usr/bin/env bats
# Completions: the options that programs have, in bash, zsh and fish.
load lib

setup_file()
{
	export to=$BATS_FILE_TMPDIR/share

	sh "$repo/pipelines/completion.sh" "$BATS_FILE_TMPDIR"
	cd "$BATS_FILE_TMPDIR"
	h5cols -n 20 "$JETS" >jets.nfs
	cp "$JETS" jets.h5
	touch small.cfg small.nf other.txt
	"$BUILD/tests/util/mkmodel" m.nf columns_context=pt,eta \
	    columns_target=x,y,z prep='pt = seen 1 9, log 1 0'
}

setup()
{
	cd "$BATS_FILE_TMPDIR"
}

programs()
{
	ls "$repo"/man/*.1 | sed 's|.*/||; s|\.1$||'
}

# asks_bash TEXT: what bash offers for the last word of it, sorted.
asks_bash()
{
	bash --norc -c '
		. "$0"
		line=$1 word=${1##* }
		COMP_WORDBREAKS=" =:"
		read -ra COMP_WORDS <<<"${line//=/ = }"
		[[ $line != *[\ =] ]] || COMP_WORDS+=("")
		[[ $line != *= ]] || unset "COMP_WORDS[-1]"
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_nfpipe
		printf "%s\n" "${COMPREPLY[@]}"
	    ' "$to/bash-completion/completions/nfpipe" "$1" 2>&1 | sort |
	    tr '\n' ' '
}

# offers TEXT WORD...: just these.
offers()
{
	local got

	got=$(asks_bash "$1")
	[ "$got" = "$(printf '%s\n' "${@:2}" | sort | tr '\n' ' ')" ] ||
	    { echo "$1: $got"; return 1; }
}

@test "completions: every option of every program, and no others" {
	local p

	for p in $(programs); do
		{ long_options "$p" | sed 's/^/--/'
		  short_options "$p" | sed 's/^/-/'; } | sort >want
		grep "^$p	-" "$to/bash-completion/completions/nfpipe" |
		    cut -f 2 | sort >bash
		sed -n "/^($p)/,/;;/s/^	    '\**\(-[-a-zA-Z0-9]*\).*/\1/p" \
		    "$to/zsh/site-functions/_nfpipe" |
		    sed 's/\(..\)-$/\1/' | sort >zsh
		sed -nE 's/^complete -c [^ ]* -(s|l) ([^ ]*).*/\1\2/p' \
		    "$to/fish/vendor_completions.d/$p.fish" |
		    sed 's/^s/-/; s/^l/--/' | sort >fish
		[ "$(wc -l <want)" -gt 2 ]
		for shell in bash zsh fish; do
			diff want $shell >diff || { echo "$p, $shell"; cat diff; }
		done
	done >bad
	diff /dev/null bad
}

@test "completions: all that a program's --help shows" {
	local p option

	for p in $(programs); do
		for option in $("$p" --help | grep -v '^See' |
		    grep -oE '(^|[[ (|])--?[a-zA-Z0-9][-a-z0-9]*' |
		    grep -oE -e '-.*'); do
			grep -q "^$p	$option	" \
			    "$to/bash-completion/completions/nfpipe" ||
			    echo "$p $option"
		done
	done >bad
	diff /dev/null bad
}

@test "completions: the choices that --help shows" {
	local p option choices

	for p in $(programs); do
		while read -r option choices; do
			grep -q "^$p	$option	value	[a-z]* .*${choices//|/ }" \
			    "$to/bash-completion/completions/nfpipe" ||
			    echo "$p $option $choices"
		done < <("$p" --help | grep -oE -e \
		    '--?[a-z0-9-]+[ =][a-z0-9]+(\|[a-z0-9]+)+' | tr = ' ')
	done >bad
	diff /dev/null bad
}

@test "bash: options, choices, files" {
	offers "nfcat --t" --text --type
	offers "nfcat --type " f32 f64
	offers "nfcat --type=" f32 f64
	offers "nfcat --type=f6" f64
	offers "nfsample --device c" cpu cuda
	offers "h5cols --nonfinite=d" drop
	offers "nfcat -n " ""
	offers "nftrain -c " small.cfg share
	offers "/usr/bin/nfmodel s" small.nf share
	offers "nfmodel im" import
	offers "nfmodel import ex" ""
	offers "nflogp --seed 3 " jets.nfs m.nf small.nf share
	offers "nfcat o" other.txt
	offers "nfhist o" other.txt			# for want of a stream
	offers "nfcat --no" ""
}

@test "bash: columns of the file that is named, one after another" {
	offers "nfcat jets.nfs -c Jet_q" Jet_qgl
	offers "h5cols jets.h5 -c Jet_q" Jet_qgl
	offers "h5cols jets.h5 --columns=Jet_q" Jet_qgl
	offers "nfcat jets.nfs -c GenJet_pt,Jet_q" GenJet_pt,Jet_qgl
	offers "nfpermute --columns=re" reverse
	offers "nfcat -c Jet_q" ""
	offers "nfhist m.nf -c " eta pt x y z
}

@test "bash: a key of the configuration" {
	offers "nftrain --set train.max" train.max_skipped
	[ "$(asks_bash "nftrain --set " | wc -w)" -eq \
	    "$(awk '/^\.Ss \[/ { on = !/prep/ } /^\.Sh / { on = 0 }
	    on && /^\.It Cm/ { n++ } END { print n }' \
	    "$repo/man/nfpipe.cfg.5")" ]
}

@test "bash: every program completes, by the file of its name" {
	local p

	for p in $(programs); do
		bash --norc -c '. "$0" && complete -p "$1"' \
		    "$to/bash-completion/completions/$p" "$p" ||
		    echo "$p"
	done | grep -v '^complete -F _nfpipe ' >bad || true
	diff /dev/null bad
}

@test "zsh takes its file, and hands _arguments every program's options" {
	local p

	command -v zsh >/dev/null || skip "no zsh"
	zsh -n "$to/zsh/site-functions/_nfpipe"
	[ "$(sed 's/#compdef //; q' "$to/zsh/site-functions/_nfpipe" |
	    tr ' ' '\n' | sed '/^$/d')" = "$(programs)" ]
	for p in $(programs); do
		zsh -f -c '
			_arguments() { print -l -- "$@" }
			compset() { true }
			service=$2
			. "$1"
		    ' zsh "$to/zsh/site-functions/_nfpipe" "$p" >got
		[ "$(head -n 1 got)" = -S ]
		[ "$(grep -c -- '^\**-.*\[' got)" -eq "$(grep -c "^$p	-" \
		    "$to/bash-completion/completions/nfpipe")" ]
	done
	# Commands, beside files.
	zsh -f -c '
		_arguments() { print -r -- "${@[-2]}" }
		service=nfmodel
		. "$1"
	    ' zsh "$to/zsh/site-functions/_nfpipe" |
	    grep -qF '"command:command:(import export)" "file:file:_files -g'
	# Their columns.
	zsh -f -c '
		_arguments() { true }
		compset() { true }
		compadd() { print -l -- "${(@P)@[-1]}" }
		service=nfcat
		. "$1"
		words=(nfcat jets.nfs -c "")
		_nfpipe_columns other
	    ' zsh "$to/zsh/site-functions/_nfpipe" >got
	{ echo other; nfcat -i jets.nfs | sed -n 's/^column	//p' |
	    sort; } | diff - got
}

@test "fish offers options, choices, files and columns" {
	command -v fish >/dev/null || skip "no fish"
	export HOME=$BATS_TEST_TMPDIR XDG_DATA_DIRS=$to:/usr/share
	export XDG_CONFIG_HOME=$HOME
	# fish_offers TEXT WORD...: these, whatever is said of them.
	fish_offers()
	{
		fish -c "complete -C '$1'" | cut -f 1 | sort >got
		printf '%s\n' "${@:2}" | sort | diff - got
	}
	fish_offers "nfcat --type " f32 f64
	fish_offers "nfcat --type=f3" --type=f32
	fish_offers "nfcat --ch" --check
	fish_offers "nftrain -c sm" small.cfg small.nf	# the first first
	fish_offers "nfmodel sm" small.cfg small.nf
	fish_offers "nfmodel imp" import
	fish_offers "nfmodel import sm" small.cfg small.nf
	fish_offers "nfcat jets.nfs -c GenJet_pt,Jet_q" GenJet_pt,Jet_qgl
	fish_offers "nfcat jets.nfs --columns=Jet_q" --columns=Jet_qgl
	fish_offers "nftrain --set train.max" train.max_skipped=
	fish_offers "nfpermute --columns=rev" --columns=reverse
}
