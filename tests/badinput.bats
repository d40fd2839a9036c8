#!/usr/bin/env bats
# What goes wrong on the way from rows to draws: where, what and the way out
# in one line, the right status, and nothing published.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	export OMP_NUM_THREADS=1
	printf '%s\n' '[data]' 'context = a, b' 'target = c, d' '[flow]' \
	    'steps = 2' 'hidden = 8' 'blocks = 1' 'bins = 4' '[train]' \
	    'epochs = 1' 'batch = 10' >t.cfg
	table 60 | nfcat >t.nfs
	mkmodel m.nf features=2 context=2 hidden=8 bins=4 \
	    columns_context=a,b columns_target=c,d weights=random
}

# table N: so many rows as text.
table()
{
	awk -v n="$1" -v OFS=, 'BEGIN {
		print "a", "b", "c", "d", "e"
		for (i = 0; i < n; i++)
			print sin(i), cos(i), sin(i * i), cos(2 * i), i
	}'
}

# says STATUS MESSAGE SHELL-COMMAND: it ends so; no stream or model is left.
says()
{
	local left

	run -"$1" --separate-stderr bash -c "$3"
	[ "$stderr" = "$2" ] || { echo "$stderr"; return 1; }
	nothing_left
}

# like STATUS PATTERN SHELL-COMMAND: the same, for a message like that.
like()
{
	run -"$1" --separate-stderr bash -c "$3"
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr =~ ^$2$ ]] || { echo "$stderr"; return 1; }
	nothing_left
}

# Standard output holds no whole stream; t.nf and its like are not there.
nothing_left()
{
	local f

	[ -z "$output" ] || ! printf '%s' "$output" | nfcat --check 2>/dev/null
	[ ! -e out ] || ! nfcat --check out 2>/dev/null
	for f in t.nf t.nf.last *.tmp; do
		[ ! -e "$f" ] || { echo "$f is there"; return 1; }
	done
}

# each STATUS MESSAGE COMMAND: for all three, TOOL, ARGS in its place.
each()
{
	local tool args

	for tool in nftrain nfsample nflogp; do
		args=m.nf
		[ $tool != nftrain ] || args="-q -c t.cfg"
		says "$1" "$tool: $2" \
		    "$(sed "s|TOOL|$tool $args|" <<<"$3")" || return
	done
}

# ---- the stream -----------------------------------------------------------

@test "a stream that ends early, in its header, a frame or before its end" {
	local n=$(size t.nfs)

	each 3 "stdin: stream ended early: in its header" \
	    "head -c 60 t.nfs | TOOL >out"
	each 3 "stdin: stream ended early: the writer stopped after 0 rows" \
	    "head -c $((n - 100)) t.nfs | TOOL >out"
	each 3 "stdin: stream ended early: the writer stopped after 60 rows" \
	    "head -c $((n - 1)) t.nfs | TOOL >out"
	head -c $((n - 32)) t.nfs >cut
	each 3 "cut: stream ended early: the writer stopped after 60 rows" \
	    "TOOL cut >out"
}

@test "a producer that fails takes the whole pipe down, without pipefail" {
	run -3 --separate-stderr bash -c "head -c 999 t.nfs |
	    nfsample m.nf | nflogp m.nf | nftrain -q -c t.cfg"
	[ "${#stderr_lines[@]}" -eq 3 ]		# every stage said so
	nothing_left
}

@test "a stream whose bytes were changed" {
	local n=$(size t.nfs)

	flip t.nfs $((n - 200)) >bad
	each 3 "bad: corrupt frame 1: the checksum differs" "TOOL bad >out"
	flip t.nfs 40 >bad
	each 3 "bad: corrupt header: the checksum differs" "TOOL bad >out"
	flip t.nfs $((n - 20)) >bad
	each 3 "bad: corrupt frame 2: the end is damaged" "TOOL bad >out"
}

@test "what is not a stream" {
	seq 100 >text
	each 3 "stdin: not a tensor stream but text (nfcat reads tables of \
numbers)" "TOOL <text >out"
	cp "$JETS" jets.h5
	each 3 "jets.h5: not a tensor stream but an HDF5 file (h5cols reads \
it)" "TOOL jets.h5 >out"
	nfcat --npy t.nfs >t.npy
	each 3 "t.npy: not a tensor stream but an npy file (nfcat reads it)" \
	    "TOOL t.npy >out"
	each 3 "stdin: not a tensor stream: the input is empty" \
	    "TOOL </dev/null >out"
	head -c 1000 /dev/zero >zero
	each 3 "zero: not a tensor stream" "TOOL zero >out"
	each 3 "stdin: bytes after the end of the stream (nfcat joins \
streams)" "cat t.nfs t.nfs | TOOL >out"
	each 1 "none: No such file or directory" "TOOL none >out"
	each 1 ".: is a directory, want a file that holds a stream" \
	    "TOOL . >out"
}

# ---- columns and values ---------------------------------------------------

@test "columns that are not there, or there twice" {
	head -c 200 t.nfs >head		# no row is read
	train()
	{
		says 3 "nftrain: head: $1" "nftrain -q -c t.cfg --set $2 head"
	}
	train '[data] context: no column "aa" (the nearest is "a")' \
	    data.context=aa
	train '[data] target: no column "D" (the nearest is "d")' \
	    data.target=c,D
	train '[data] weight: no column "w" (the nearest is "a")' \
	    data.weight=w
	train '[data] context: column "a" is asked for twice' \
	    data.context=a,b,0
	train "[data]: column b is asked for twice among context, target and \
weight" data.target=b,c
	train "[data]: column e is asked for twice among context, target and \
weight" "data.weight=e --set data.target=2:5"
	train "--set prep.f=log: [prep] f = log: no context or target column \
has that name" prep.f=log
	train "recipe of column c: onehot is for conditions, and this is a \
target; levels is for both" '"prep.c=onehot 1 2"'
	nfcat -c a,c,d t.nfs >few
	says 3 "nfsample: few: m.nf wants a column that is not there: no \
column \"b\" (the nearest is \"a\")" "nfsample m.nf few >out"
	says 3 "nflogp: few: m.nf wants a column that is not there: no \
column \"b\" (the nearest is \"a\")" "nflogp m.nf few >out"
	nfcat -c a,b,c t.nfs >few
	nfsample m.nf few >o.nfs
	says 3 "nflogp: few: m.nf wants a column that is not there: no \
column \"d\" (the nearest is \"a\")" "nflogp m.nf few >out"
	says 3 'nftrain: validation few: no column "d" (the nearest is "a")' \
	    "nftrain -q -c t.cfg -v few t.nfs"
	says 3 "nftrain: validation few.h5: no column \"d\" (the nearest is \
\"a\")" "h5save -o few.h5 few; nftrain -q -c t.cfg -v few.h5 t.nfs"
}

@test "values that are not finite: row, column and the way out" {
	local drop="drop such rows, as h5cols --nonfinite=drop does" v

	for v in nan inf -inf; do
		table 60 | awk -F , -v OFS=, "NR == 42 { \$2 = \"$v\" } { print }" |
		    nfcat >bad.nfs
		each 3 "bad.nfs: row 40, column b: the value is $v; $drop" \
		    "TOOL bad.nfs >out"
	done
	table 60 | awk -F , -v OFS=, 'NR == 42 { $3 = "nan" } { print }' |
	    nfcat >bad.nfs
	says 3 "nftrain: bad.nfs: row 40, column c: the value is nan; $drop" \
	    "nftrain -q -c t.cfg bad.nfs"
	says 3 "nflogp: bad.nfs: row 40, column c: the value is nan; $drop" \
	    "nflogp m.nf bad.nfs >out"
	nfsample m.nf bad.nfs >o.nfs		# it does not look at c
	says 3 "nftrain: validation bad.nfs: row 40, column c: the value is \
nan; $drop" "nftrain -q -c t.cfg -v bad.nfs t.nfs"
	says 3 "nfsample: bad.nfs: row 40, column c: the value is nan; $drop" \
	    "mkmodel c.nf features=2 context=1 columns_context=c \
	    columns_target=x,y; nfsample --raw --batch 3 c.nf bad.nfs >out"
	h5save -o bad.h5 bad.nfs
	like 3 "nftrain: bad.h5:data: row 40, column c is nan \(h5cols \
--nonfinite=drop leaves such rows out\)" \
	    "nftrain -q -c t.cfg -v bad.h5 t.nfs"
	run -0 --separate-stderr bash -c "h5cols --nonfinite=drop bad.h5 |
	    nftrain -c t.cfg"
	[[ $stderr == *"to train on"* ]]
}

@test "no rows, one row, a column that is constant" {
	nfcat -n 0 t.nfs >none
	says 3 "nftrain: none: the stream has no rows" \
	    "nftrain -q -c t.cfg none"
	says 3 "nftrain: validation none: no rows to validate with" \
	    "nftrain -q -c t.cfg -v none t.nfs"
	says 3 "nflogp: none: no rows: there is no mean" \
	    "nflogp --mean m.nf none"
	[ "$(nfsample m.nf none | nfcat -t)" = $'a\tb\te\tc\td' ]
	nfcat -n 1 t.nfs >one
	says 3 "nftrain: batch norm needs batches of 2 rows or more: found 1 \
rows and batch 10; add rows, or set batch_norm = no" \
	    "nftrain -q -c t.cfg one"
	[ "$(nfsample m.nf one | nfcat -t | wc -l)" -eq 2 ]
	nftrain -q -c t.cfg --set flow.batch_norm=no -o one.nf one
	nfsample one.nf one | nfcat -t | grep -qviE 'nan|inf'
	table 60 | awk -F , -v OFS=, 'NR > 1 { $5 = 7 } { print }' | nfcat >c
	nftrain -q -c t.cfg --set data.context=a,e --set data.target=c,d \
	    -o c.nf c
	nfsample c.nf c | nfcat -t | grep -qviE 'nan|inf'
	# One that a condition's recipe has never seen.
	nfsample c.nf t.nfs | nfcat -t | grep -qviE 'nan|inf'
}

# ---- the model ------------------------------------------------------------

@test "a model that is cut, lacks a tensor, or holds what cannot be" {
	local w=/flow/step_00/net/final/weight tool

	for tool in nfsample nflogp; do
		head -c 3000 m.nf >bad.nf
		like 3 "$tool: bad.nf: .*truncated file.*" \
		    "$tool bad.nf t.nfs >out"
		: >bad.nf
		says 3 "$tool: bad.nf: not an HDF5 file" \
		    "$tool bad.nf t.nfs >out"
		cp m.nf bad.nf
		h5edit bad.nf delete $w
		says 3 "$tool: bad.nf: $w: missing, want 11 x 8 float32" \
		    "$tool bad.nf t.nfs >out"
		cp m.nf bad.nf
		h5edit bad.nf shape $w 8x11
		says 3 "$tool: bad.nf: $w: 8 x 11 float32, want 11 x 8 \
float32" "$tool bad.nf t.nfs >out"
		cp m.nf bad.nf
		h5edit bad.nf set $w 5 nan
		says 3 "$tool: bad.nf: $w: element 5 is nan, want finite \
numbers" "$tool bad.nf t.nfs >out"
		cp m.nf bad.nf
		h5edit bad.nf names /prep 'c = standardize'
		says 3 "$tool: bad.nf: the recipe has not been fitted: want \
seen LO HI first in each line, and all numbers of its ops" \
		    "$tool bad.nf t.nfs >out"
		cp m.nf bad.nf
		h5edit bad.nf names /prep 'a = onehot 0 1'
		says 3 "$tool: bad.nf: the recipe makes 3 context columns, \
the flow wants 2" "$tool bad.nf t.nfs >out"
		says 1 "$tool: none.nf: No such file or directory" \
		    "$tool none.nf t.nfs >out"
		like 3 "$tool: $JETS: not a model: .*" \
		    "$tool $JETS t.nfs >out"
		says 3 "$tool: t.nfs: a tensor stream, not an HDF5 file; nfcat \
reads it" "$tool t.nfs m.nf >out"
	done
}

# ---- the configuration ----------------------------------------------------

@test "a configuration that is wrong: file, line and what is allowed" {
	cfg()
	{
		{ cat t.cfg; printf "$2\n"; } >bad.cfg
		says 3 "nftrain: bad.cfg:$1" "nftrain -q -c bad.cfg t.nfs"
	}
	cfg '12: no key "epoch" in [train] (the nearest is "epochs")' 'epoch = 3'
	cfg '12: no key "bins" in [train]: it belongs in [flow]' 'bins = 3'
	cfg "12: no section [prop] (the nearest is [prep]); there are [data] \
[prep] [flow] [train]" '[prop]'
	cfg '12: [train] lr: "fast" is not a number from 1e-12 to 10' \
	    'lr = fast'
	cfg "12: [train] patience: \"-1\" is not a whole number from 0 to \
1000000" 'patience = -1'
	cfg '13: [flow]: tail_bound is 1e+09, want 0.001 to 1e+06' \
	    '[flow]\ntail_bound = 1e9'
	{ cat t.cfg; printf '[prep]\nc = lgo\n'; } >bad.cfg
	like 3 "nftrain: bad.cfg:13: \[prep\] c: no op \"lgo\" \(the nearest is \
\"log\"\); want none or one of .*" "nftrain -q -c bad.cfg t.nfs"
	printf '[flow]\nhidden = 0\n' >bad.cfg
	says 3 "nftrain: bad.cfg:2: [flow]: hidden is 0, want 1 to 65536" \
	    "nftrain -q -c bad.cfg t.nfs"
	says 2 "nftrain: --set flow.hiden=3: no key \"hiden\" in [flow] (the \
nearest is \"hidden\")" "nftrain -q -c t.cfg --set flow.hiden=3 t.nfs"
	says 2 "nftrain: --set epochs=3: want SECTION.KEY=VALUE, as \
train.epochs=10" "nftrain -q -c t.cfg --set epochs=3 t.nfs"
	says 1 "nftrain: none.cfg: No such file or directory" \
	    "nftrain -q -c none.cfg t.nfs"
	like 3 "nftrain: $JETS:.* this is not text" \
	    "nftrain -q -c $JETS t.nfs"
}

# ---- memory ---------------------------------------------------------------

@test "too large for memory is a message, before rows are read" {
	local flow="nftrain: a flow of" take="[0-9.e-]+ GB of memory, of which"

	says 3 "nftrain: t.cfg: [flow]: a flow of 1.44e+10 parameters, want at \
most 4.29e+09: fewer steps, hidden, blocks or bins" \
	    "nftrain -q -c t.cfg --set flow.hidden=60000 t.nfs"
	like 1 "$flow 3.6e\+09 parameters and batches of 10 rows take $take \
68.7 are left: make it smaller, or take a smaller batch" \
	    "nftrain -q -c t.cfg --set flow.hidden=30000 --memory 64G t.nfs"
	like 1 "$flow [0-9]+ parameters and batches of 60 rows take $take \
2.05e-05 are left: .*" "nftrain -q -c t.cfg --memory 20K \
	    --set train.batch=16777216 t.nfs"
	# The rows need not come for that.
	head -c 200 t.nfs >head
	like 1 "$flow [0-9]+ parameters and batches of 1 rows take .*" \
	    "nftrain -q -c t.cfg --memory 10K <head"
	table 20000 | nfcat --type f32 >big.nfs
	like 1 "nftrain: validation big.nfs: 20000 rows do not fit in the \
0.[0-9]+ MB of memory that are left for them: take fewer" \
	    "nftrain -q -c t.cfg -v big.nfs --memory 300K t.nfs"
	like 1 "nftrain: stdin: [0-9]+ rows that validate take 0.[0-9]+ MB \
of the 0.[0-9]+ that are left: keep fewer .valid_fraction." \
	    "nftrain -q -c t.cfg --memory 300K --set data.valid_fraction=0.5 \
	    <big.nfs"
	like 1 "nftrain: stdin: 0.[0-9]+ MB of memory are left for rows, but \
two batches take [0-9.]+: give it more, or take smaller batches" \
	    "nftrain -q -c t.cfg --memory 5500K --set train.batch=8000 \
	    <big.nfs"
	nftrain -q -c t.cfg --memory 4M -o ok.nf big.nfs
}

# ---- the outputs ----------------------------------------------------------

@test "an output on a full disk, or that cannot be written" {
	each_stream()
	{
		says 1 "nfsample: $1" "nfsample m.nf t.nfs $2"
		says 1 "nflogp: $1" "nflogp m.nf t.nfs $2"
	}
	each_stream "stdout: cannot write: No space left on device" ">/dev/full"
	each_stream "stdout: cannot write: Bad file descriptor" ">&-"
	out()
	{
		says "$1" "nftrain: $2" "nftrain -q -c t.cfg ${*:3} t.nfs"
	}
	out 2 "/dev/full: not a regular file, so it cannot be replaced" \
	    -o /dev/full
	out 1 "/dev/full/t.nf: cannot create: Not a directory" \
	    -o /dev/full/t.nf
	out 1 "no/t.nf: cannot create: No such file or directory" -o no/t.nf
	mkdir d.nf.last
	out 2 "d.nf.last: not a regular file, so it cannot be replaced" \
	    -o d.nf
	out 1 "no/log: No such file or directory" --log no/log
	out 1 "/dev/full: No space left on device" --log /dev/full
	# That is known before rows come.
	head -c 200 t.nfs >head
	says 1 "nftrain: no/t.nf: cannot create: No such file or directory" \
	    "nftrain -q -c t.cfg -o no/t.nf <head"
}

@test "a disk that fills while a model is written: the old one stays" {
	local k

	nftrain -q -c t.cfg -o old.nf t.nfs
	cp old.nf a
	cp old.nf.last b
	for k in 1 4 16; do		# 1024 bytes
		says 1 "nftrain: old.nf: cannot write: File too large" \
		    "trap '' XFSZ; ulimit -f $k; nftrain -q -c t.cfg --seed 1 \
		    -o old.nf t.nfs"
		cmp old.nf a
		cmp old.nf.last b
	done
	[ "$(ls old.nf* | wc -l)" -eq 2 ]
}

@test "a reader that leaves early: the writer ends quietly" {
	nfcat -n 20 t.nfs >few
	run -141 --separate-stderr bash -c \
	    'nfsample -n 100000 m.nf few | head -c 9 >out; exit ${PIPESTATUS[0]}'
	[ -z "$stderr" ]
	table 60000 | nfcat >many
	run -141 --separate-stderr bash -c \
	    'nflogp m.nf many | head -c 9 >out; exit ${PIPESTATUS[0]}'
	[ -z "$stderr" ]
	# A trainer owns its model: what it could not say is no reason to die.
	run -0 bash -c 'nftrain -c t.cfg -o m2.nf t.nfs 2>&1 | head -c 1 >out
	    exit ${PIPESTATUS[0]}'
	nfmodel m2.nf >/dev/null
}

@test "closed standard descriptors hurt no file" {
	nftrain -q -c t.cfg -o m2.nf t.nfs <&- >&- 2>&-
	nfmodel m2.nf >/dev/null
	run -1 bash -c "nfsample m.nf <&-"
	[[ $output == "nfsample: stdin: cannot read: Bad file descriptor" ]]
}

@test "every program counts rows from 0" {
	local p

	table 9 >rows
	sed '2s/^[^,]*/nan/' rows | nfcat >first.nfs	# line 1: the names
	h5save -o first.h5 first.nfs
	printf '[prep]\na = standardize\n' >prep.cfg
	for p in "nftrain -q -c t.cfg first.nfs" "nflogp m.nf first.nfs" \
	    "nfcmp first.nfs t.nfs" "nfhist -c b -w a first.nfs" \
	    "nfprep -c prep.cfg first.nfs" "h5cols first.h5"; do
		run -3 --separate-stderr bash -c "$p >out"
		[[ $stderr == *" row 0"* ]] || { echo "$p: $stderr"; return 1; }
	done
}
