#!/usr/bin/env bats
# The configuration file: nfpipe.cfg(5).
load lib

# cfg LINES...: c.cfg of those lines.
cfg()
{
	printf '%s\n' "$@" >c.cfg
}

# refused MESSAGE: c.cfg is, with status 3 and that one line.
refused()
{
	run -3 --separate-stderr cfgshow c.cfg
	[ -z "$output" ]
	[ "$stderr" = "$1" ] || { echo "got $stderr"; return 1; }
}

# has LINE...: cfgshow printed each, before and after reading its own text.
has()
{
	local line

	for line; do
		[ "$(grep -cFx -- "$line" <<<"$output")" -ge 2 ] ||
		    { echo "no $line in $output"; return 1; }
	done
}

@test "cfg: every key has a default, and the page says which" {
	run -0 cfgshow -
	[ "${lines[0]}" = "context=(none)" ]
	has "target=(none)" "weight=(none)" valid_fraction=0.05 steps=8 \
	    hidden=128 blocks=2 bins=32 tail_bound=5 activation=relu \
	    batch_norm=1 dropout=0 min_bin_width=0.001 min_bin_height=0.001 \
	    min_derivative=0.001 init=identity permutation=random epochs=50 \
	    batch=1024 lr=0.001 lr_min=0 schedule=cosine warmup=0 restart=10 \
	    restart_mult=2 beta1=0.9 beta2=0.999 eps=1e-08 clip_norm=5 \
	    patience=0 max_skipped=10 seed=0 precision=tf32
	for line in "${lines[@]}"; do
		[[ $line == -* ]] && break
		key=${line%%=*} value=${line#*=}
		case $key in
		context|target|weight) continue ;;
		batch_norm) value=yes ;;
		eps) value=1e-8 ;;
		esac
		grep -qE "^\.It Cm $key(\$| )" "$repo/man/nfpipe.cfg.5"
		sed -n "/^\.It Cm $key\$/,/^\.It/p" "$repo/man/nfpipe.cfg.5" |
		    grep -qF "The default is $value." ||
		    { echo "$key: not $value in the page"; return 1; }
	done
}

# page_keys: the page's keys, a line each: SECTION.KEY, a tab, what it says.
page_keys()
{
	awk '/^\.S[hs] / {
		section = substr($2, 2, length($2) - 2)
		if (!/^\.Ss \[(data|flow|train)\]/)
			section = ""
	    }
	    section == "" { next }
	    /^\.It Cm / { printf "%s%s.%s\t", n++ ? "\n" : "", section, $3
		next }
	    !/^\.(Bl|El|Ss)/ { sub(/^\.(Cm|Pq Ql|Ql) /, "<>"); printf "%s ", $0 }
	    END { print "" }' "$repo/man/nfpipe.cfg.5"
}

# takes SECTION.KEY VALUE [SET...]: is it, where all else leaves room?
takes()
{
	cfgshow - flow.steps=1 flow.blocks=0 flow.min_bin_width=0 \
	    flow.min_bin_height=0 "$1=$2" "${@:3}" >/dev/null 2>&1
}

@test "cfg: the page has the program's keys, in their order, and no others" {
	cfgkeys | cut -f 1 >want
	[ "$(wc -l <want)" -gt 30 ]
	page_keys | cut -f 1 | diff want -
}

@test "cfg: the page says each key's type and choices" {
	local key kind choices says word

	while IFS=$'\t' read -r key kind choices; do
		says=$(page_keys | grep "^$key	" | cut -f 2)
		for word in $choices; do
			[[ $says == *"<>$word "* ]] || echo "$key: no $word"
		done
		[[ $kind != choice ]] || [ "$(grep -o '<>[a-z0-9_]*' \
		    <<<"${says%The default*}" | sort -u | wc -l)" -eq \
		    "$(wc -w <<<"$choices")" ] || echo "$key: other choices"
		case $kind in
		text) [[ $says == *[Cc]olumn* ]] ;;
		yesno) [[ $says == *"<>yes or <>no"* ]] ;;
		choice) ;;
		*) [[ $says =~ (From|Less than) ]] ;;
		esac || echo "$key: not its type"
		[[ $says =~ (The default is|By default) ]] ||
		    echo "$key: no default"
	done < <(cfgkeys) >bad
	diff /dev/null bad
}

@test "cfg: the page's ranges are the program's" {
	local key kind says lo hi above below n=0

	while IFS=$'\t' read -r key kind _; do
		says=$(page_keys | grep "^$key	" | cut -f 2)
		says=${says//a million/1000000}
		[[ $says =~ From\ ([-0-9.e]+)\ to\ ([-0-9.e]+[0-9]) ]] ||
		    continue
		lo=${BASH_REMATCH[1]} hi=${BASH_REMATCH[2]} n=$((n + 1))
		case $kind in
		count) above=$((hi + 1)) below=$((lo - 1)) ;;
		seed) above=${hi}0 below=-1 ;;
		real)
			above=$(awk "BEGIN { print $hi * 1.00001 }")
			below=$(awk "BEGIN { print $lo > 0 ? $lo * 0.99999 : \
			    -1e-9 }") ;;
		esac
		takes $key "$lo" && takes $key "$hi" ||
		    echo "$key: not from $lo to $hi"
		takes $key "$below" && echo "$key takes $below"
		takes $key "$above" && echo "$key takes $above"
	done < <(cfgkeys) >bad
	diff /dev/null bad
	[ "$n" -ge 20 ]
}

@test "cfg: every key is read" {
	cfg '[data]' 'context = GenJet_*, ClosestMuon_*' 'target=Jet_*' \
	    'weight = genWeight' 'valid_fraction = 0.1' \
	    '[flow]' 'steps = 17' 'hidden = 298' 'blocks = 10' 'bins = 128' \
	    'tail_bound = 1' 'activation = leaky_relu' 'batch_norm = no' \
	    'dropout = 0.25' 'min_bin_width = 1e-4' 'min_bin_height = 2e-4' \
	    'min_derivative = 3e-4' 'init = nflows' 'permutation = reverse' \
	    '[train]' 'epochs = 600' 'batch = 2048' 'lr = 1e-5' \
	    'lr_min = 1e-7' 'schedule = cosine_restarts' 'warmup = 3' \
	    'restart = 7' 'restart_mult = 1.5' 'beta1 = 0.8' \
	    'beta2 = 0.99' 'eps = 1e-6' 'clip_norm = 2' 'patience = 9' \
	    'max_skipped = 4' 'seed = 18446744073709551615' \
	    'precision = bf16'
	run -0 cfgshow c.cfg
	has 'context=GenJet_*, ClosestMuon_*' 'target=Jet_*' \
	    weight=genWeight valid_fraction=0.1 steps=17 hidden=298 \
	    blocks=10 bins=128 tail_bound=1 activation=leaky_relu \
	    batch_norm=0 dropout=0.25 min_bin_width=0.0001 \
	    min_bin_height=0.0002 min_derivative=0.0003 init=nflows \
	    permutation=reverse epochs=600 batch=2048 lr=1e-05 lr_min=1e-07 \
	    schedule=cosine_restarts warmup=3 restart=7 restart_mult=1.5 \
	    beta1=0.8 beta2=0.99 eps=1e-06 clip_norm=2 patience=9 \
	    max_skipped=4 seed=18446744073709551615 precision=bf16
}

@test "cfg: comments, blanks, ends of line, order and case" {
	printf '\xef\xbb\xbf; a comment\r\n# another\r\n\r\n[ train ]\r\n' \
	    >c.cfg
	printf '\tepochs=3 ; three\r\n  lr  =  0.5\t# half\n[prep]\n' >>c.cfg
	printf 'Jet_B;c#d  = log 1 0.5 ;; why\n*=standardize' >>c.cfg
	printf '\n[data]\ncontext = A;b, C#d\n[train]\nbatch = 7' >>c.cfg
	run -0 cfgshow c.cfg
	has epochs=3 lr=0.5 batch=7 'context=A;b, C#d'
	[ "$(grep ^prep= <<<"$output")" = \
"prep=Jet_B;c#d = log 1 0.5 [c.cfg:8]
prep=* = standardize [c.cfg:9]
prep=Jet_B;c#d = log 1 0.5 [text:8]
prep=* = standardize [text:9]" ]
}

@test "cfg: [prep] keeps its order, splits at the first =, keeps case" {
	cfg '[prep]' 'B* = log' 'a = affine 2 1' 'A = clip 0 1, levels 0 1' \
	    'GenJet_pt[0] = none' 'c = ratio a=b'
	run -0 cfgshow c.cfg
	[ "$(sed '/^--/,$d' <<<"$output" | grep ^prep= | tr '\n' '|')" = \
"prep=B* = log [c.cfg:2]|prep=a = affine 2 1 [c.cfg:3]|prep=A = clip 0 1, \
levels 0 1 [c.cfg:4]|prep=GenJet_pt[0] = none [c.cfg:5]|\
prep=c = ratio a=b [c.cfg:6]|" ]
}

@test "cfg: an empty value of [data] is none at all" {
	cfg '[data]' 'context =' 'target = ; nothing'
	run -0 cfgshow c.cfg
	has 'context=(none)' 'target=(none)'
}

@test "cfg: unknown names are refused, with the nearest" {
	cfg '[trian]'
	refused 'c.cfg:1: no section [trian] (the nearest is [train]); there '\
'are [data] [prep] [flow] [train]'
	cfg '' '[train]' 'epoch = 3'
	refused 'c.cfg:3: no key "epoch" in [train] (the nearest is "epochs")'
	cfg '[flow]' 'Steps = 3'
	refused 'c.cfg:2: no key "Steps" in [flow] (the nearest is "steps")'
	cfg '[flow]' 'epochs = 3'
	refused 'c.cfg:2: no key "epochs" in [flow]: it belongs in [train]'
}

@test "cfg: what is no line of a configuration is refused" {
	cfg 'epochs = 3'
	refused 'c.cfg:1: "epochs" stands before the first [SECTION]'
	cfg '[train]' 'epochs'
	refused 'c.cfg:2: "epochs": want KEY = VALUE or [SECTION]'
	cfg '[train]' 'epochs: 3'
	refused 'c.cfg:2: "epochs: 3": want KEY = VALUE or [SECTION]'
	cfg '[train' 'epochs = 3'
	refused 'c.cfg:1: "[train": a section is written [NAME]'
	cfg '[train] epochs = 3'
	refused 'c.cfg:1: "[train] epochs = 3": a section is written [NAME]'
	cfg '[]'
	refused 'c.cfg:1: no section [] (the nearest is [data]); there are '\
'[data] [prep] [flow] [train]'
	cfg '[train]' '= 3'
	refused 'c.cfg:2: want KEY = VALUE, the key of 1 to 1000 bytes'
}

@test "cfg: a key that stands there twice is refused" {
	cfg '[train]' 'lr = 1' '[flow]' '[train]' 'lr = 1'
	refused 'c.cfg:5: [train] lr stands there twice, first on line 2'
	cfg '[prep]' 'a = log' 'b = log' 'a = log'
	refused 'c.cfg:4: [prep] a stands there twice, first at c.cfg:2'
}

@test "cfg: values that are none, or out of range, say what is allowed" {
	check()
	{
		cfg "[$1]" "$2"
		refused "c.cfg:2: $3"
	}
	check train 'epochs = 0' \
	    '[train] epochs: "0" is not a whole number from 1 to 1000000'
	check train 'epochs = -1' \
	    '[train] epochs: "-1" is not a whole number from 1 to 1000000'
	check train 'epochs = 1.5' \
	    '[train] epochs: "1.5" is not a whole number from 1 to 1000000'
	check train 'epochs = 3x' \
	    '[train] epochs: "3x" is not a whole number from 1 to 1000000'
	check train 'epochs =' \
	    '[train] epochs: "" is not a whole number from 1 to 1000000'
	check train 'batch = 99999999999999999999' '[train] batch: '\
'"99999999999999999999" is not a whole number from 1 to 16777216'
	check train 'seed = -1' '[train] seed: "-1" is not a whole number '\
'from 0 to 18446744073709551615'
	check train 'seed = 18446744073709551616' '[train] seed: '\
'"18446744073709551616" is not a whole number from 0 to 18446744073709551615'
	check train 'lr = fast' \
	    '[train] lr: "fast" is not a number from 1e-12 to 10'
	check train 'lr = nan' \
	    '[train] lr: "nan" is not a number from 1e-12 to 10'
	check train 'lr = 0' \
	    '[train] lr: "0" is not a number from 1e-12 to 10'
	check train 'lr = 1e-3 x' \
	    '[train] lr: "1e-3 x" is not a number from 1e-12 to 10'
	check train 'beta1 = 1' \
	    '[train] beta1: "1" is not a number from 0 to 0.999999'
	check train 'schedule = cos' \
	    '[train] schedule: "cos" is none of constant, cosine, '\
'cosine_restarts'
	check train 'precision = fp64' \
	    '[train] precision: "fp64" is none of fp32, tf32, bf16'
	check train 'lr_min = 0.01' \
	    'x' || [ "$stderr" = \
	    'c.cfg: [train] lr_min is 0.01, above lr, which is 0.001' ]
	check data 'valid_fraction = 1' \
	    '[data] valid_fraction: "1" is not a number from 0 to 0.9'
	check flow 'steps = 0' '[flow]: steps is 0, want 1 to 1000'
	check flow 'steps = x' '[flow] steps: "x" is not a whole number'
	check flow 'hidden = 4294967296' \
	    '[flow] hidden: "4294967296" is not a whole number'
	check flow 'hidden = 1000000' \
	    '[flow]: hidden is 1000000, want 1 to 65536'
	check flow 'bins = 1' '[flow]: bins is 1, want 2 to 1024'
	check flow 'tail_bound = 0' \
	    '[flow]: tail_bound is 0, want 0.001 to 1e+06'
	check flow 'tail_bound = inf' \
	    '[flow] tail_bound: "inf" is not a number'
	check flow 'dropout = 1' '[flow]: dropout is 1, want 0 to 0.99'
	check flow 'min_bin_width = -1' '[flow]: min_bin_width is -1, want 0 '\
'to less than 1 / bins = 0.5'
	check flow 'activation = tanh' \
	    '[flow] activation: "tanh" is none of relu, elu, leaky_relu'
	check flow 'batch_norm = maybe' \
	    '[flow] batch_norm: "maybe" is neither yes nor no'
	check flow 'init = zero' \
	    '[flow] init: "zero" is none of identity, nflows'
	check flow 'permutation = none' \
	    '[flow] permutation: "none" is none of random, reverse'
	check prep 'a = lgo' '[prep] a: no op "lgo" (the nearest is "log"); '\
'want none or one of seen log log1p logit atan affine scale standardize clip '\
'wrap ratio diff sum uniform gauss mantissa levels spike onehot'
	check prep 'a =' '[prep] a: an op is missing: want OP, OP.. or none'
	check prep 'a = clip 3 0' '[prep] a: clip LO HI: LO must be below HI'
}

@test "cfg: what does not fit together is refused" {
	cfg '[flow]' 'bins = 1000'
	refused 'c.cfg: [flow]: min_bin_width is 0.001, want 0 to less than '\
'1 / bins = 0.001'
	cfg '[flow]' 'bins = 1024' 'min_bin_width = 1e-6' \
	    'min_bin_height = 1e-6'
	run -0 cfgshow c.cfg
	cfg '[flow]' 'steps = 1000' 'hidden = 65536'
	run -3 --separate-stderr cfgshow c.cfg
	[[ $stderr == 'c.cfg: [flow]: a flow of '*' parameters, want at most '\
'4.29e+09: fewer steps, hidden, blocks or bins' ]]
}

@test "cfg: yes and no have their usual spellings" {
	for word in yes true on 1; do
		cfg '[flow]' "batch_norm = $word"
		run -0 cfgshow c.cfg
		has batch_norm=1
	done
	for word in no false off 0; do
		cfg '[flow]' "batch_norm = $word"
		run -0 cfgshow c.cfg
		has batch_norm=0
	done
}

@test "cfg: what is not text is refused" {
	printf '[train]\nlr = 0.5\nepochs\0 = 3\n' >c.cfg
	refused 'c.cfg:3: byte 0x00: this is not text'
	printf '[train]\nlr = 0.5\n\001\n' >c.cfg
	refused 'c.cfg:3: byte 0x01: this is not text'
	head -c 1000 "$JETS" >c.cfg
	run -3 --separate-stderr cfgshow c.cfg
	[[ $stderr == 'c.cfg:'*': this is not text' ]]
	head -c 2000000 /dev/zero | tr '\0' '\n' >c.cfg
	refused 'c.cfg: more than 1048576 bytes, which is no configuration'
	head -c 1048576 /dev/zero | tr '\0' '\n' >c.cfg
	run -0 cfgshow c.cfg
	head -c 1000000 /dev/zero | tr '\0' 'x' >c.cfg
	run -3 cfgshow c.cfg
	[ "${#output}" -lt 200 ]
	for i in {1..16385}; do echo "a$i=log"; done | sed '1i[prep]' >c.cfg
	refused 'c.cfg:16386: [prep] has more than 16384 lines: use globs'
}

@test "cfg: a file that cannot be read is status 1" {
	run -1 --separate-stderr cfgshow none.cfg
	[ "$stderr" = "none.cfg: No such file or directory" ]
	run -1 --separate-stderr cfgshow .
	[ "$stderr" = ".: cannot read: Is a directory" ]
}

@test "cfg: what is set goes before the file, the last before the first" {
	cfg '[train]' 'lr = 0.5' 'epochs = 3' '[prep]' 'a = log' 'b = atan'
	run -0 cfgshow c.cfg train.lr=0.25 flow.bins=16 train.lr=0.125 \
	    'prep.a=affine 2 1' 'prep.c.d=scale ; why' data.context='x, y=z'
	has lr=0.125 bins=16 epochs=3 'context=x, y=z'
	[ "$(sed '/^--/,$d' <<<"$output" | grep ^prep= | tr '\n' '|')" = \
"prep=a = affine 2 1 [--set prep.a=affine 2 1]|prep=b = atan [c.cfg:6]|\
prep=c.d = scale [--set prep.c.d=scale ; why]|" ]
	[ "$(sed '1,/^-- the text$/d' <<<"$output")" = "$(cat c.cfg)
; --set
[train]
lr = 0.25
[flow]
bins = 16
[train]
lr = 0.125
[prep]
a = affine 2 1
[prep]
c.d = scale ; why
[data]
context = x, y=z" ]
	sed '1,/^-- the text$/d' <<<"$output" >d.cfg
	run -0 cfgshow d.cfg train.lr=4
	has lr=4 bins=16 epochs=3
	run -0 cfgshow - train.lr=4
	has lr=4 epochs=50
}

@test "cfg: what is set wrongly is wrong usage" {
	cfg '[train]' 'lr = 0.5'
	check()
	{
		run -2 --separate-stderr cfgshow c.cfg "$@"
		[ "$stderr" = "$want" ] || { echo "got $stderr"; return 1; }
	}
	want='--set lr=3: want SECTION.KEY=VALUE, as train.epochs=10' \
	    check lr=3
	want='--set train.lr: want SECTION.KEY=VALUE, as train.epochs=10' \
	    check train.lr
	want=$'--set train.lr=1\n2: want SECTION.KEY=VALUE, as train.epochs=10'
	check train.lr=$'1\n2'
	want='--set tain.lr=3: no section [tain] (the nearest is [train]); '\
'there are [data] [prep] [flow] [train]' check tain.lr=3
	want='--set train.l=3: no key "l" in [train] (the nearest is "lr")' \
	    check train.lr=1 train.l=3
	want='--set train.lr=x: [train] lr: "x" is not a number from 1e-12 '\
'to 10' check train.epochs=7 train.lr=x train.batch=4
	want='--set flow.bins=1: [flow]: bins is 1, want 2 to 1024' \
	    check flow.bins=1
	want='--set prep.a=lg: [prep] a: ' cfgshow c.cfg prep.a=lg 2>got ||
	    grep -q '^--set prep.a=lg: \[prep\] a: no op "lg"' got
}

@test "cfg: every allocation and read may fail, cleanly" {
	faults_built || skip "needs NF_FAULTS"
	cfg '[prep]' 'a = log' '[data]' 'context = b'
	for site in alloc read; do
		for ((n = 1; n < 99; n++)); do
			NF_FAULT=$site:$n run --separate-stderr cfgshow c.cfg \
			    prep.a=atan
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ] || [ "$status" -eq 98 ]
			[ -n "$stderr" ]
		done
		[ "$n" -gt 1 ] && [ "$n" -lt 99 ]
	done
}

@test "cfg: the page has the program's ops, and no others" {
	cfg '[prep]' 'a = nonesuch'
	run -3 --separate-stderr cfgshow c.cfg
	[[ $stderr == *"want none or one of seen "* ]]
	{ echo none; tr ' ' '\n' <<<"${stderr##*one of seen }"; } |
	    sort >want
	awk '/^\.S/ { on = /OPS/ } on && /^\.It Cm/ { print $3 }' \
	    "$repo/man/nfpipe.cfg.5" | sort | diff want -
	grep -qx '\.Cm seen ,' "$repo/man/nfpipe.cfg.5"
}
