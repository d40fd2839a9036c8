#!/usr/bin/env bats
# h5cols: whatever way a table is stored in HDF5, the stream is the table.
load lib

# counted ROWS COLS [MOST]: what h5make puts into a table, as nfcat -t has it.
counted()
{
	awk -v n="$1" -v m="$2" -v most="${3:-1e300}" 'BEGIN {
		for (j = 0; j < m; j++)
			printf "c%d%s", j, j < m - 1 ? "\t" : "\n"
		for (k = 0; k < n * m; k++)
			printf "%d%s", k < most ? k : most,
			    k % m < m - 1 ? "\t" : "\n"
	}'
}

# text ARGUMENT...: what h5cols makes of them, as text.
text()
{
	h5cols "$@" | nfcat -t
}

# refused STATUS MESSAGE ARGUMENT...: one line, and no whole stream.
refused()
{
	local status_wanted=$1 message=$2

	shift 2
	run --separate-stderr sh -c 'h5cols "$@" >out' h5cols "$@"
	[ "$status" -eq "$status_wanted" ]
	[ "$stderr" = "h5cols: $message" ]
}

@test "h5cols: the bundled jets" {
	h5cols "$JETS" | nfcat -i >info
	grep -qx 'rows	20000' info
	grep -qx 'type	f32' info
	[ "$(grep -c '^column	' info)" -eq 31 ]
	grep -qx "note	h5cols $JETS:data" info
	h5cols "$JETS" | nfcat --check
}

@test "h5cols: every type and byte order, exactly" {
	local t most type

	for t in f16:2000:f32 f32::f32 f32be::f32 f64::f64 f64be::f64 \
	    i8:127:f32 u8:255:f32 i16::f32 u16be::f32 i32::f64 u32be::f64 \
	    i64::f64 i64be::f64 u64::f64 i24be::f32 u24::f32; do
		IFS=: read -r t most type <<<"$t"
		[ "$t" = f16 ] && counted 400 5 >want || counted 400 5 $most >want
		for layout in contiguous compact 256x5 256x2; do
			h5make x.h5 type=$t shape=400x5 layout=$layout
			text x.h5 >got
			cmp want got || { echo "$t $layout"; return 1; }
		done
		h5cols x.h5 | nfcat -i | grep -qx "type	$type"
	done
}

@test "h5cols: negative numbers and truth values" {
	h5make x.h5 type=i8 shape=2x1 set=0:-128,1:-1 -- path=b type=i16be \
	    shape=2x1 set=0:-32768,1:-1 -- path=c type=i64be shape=2x1 \
	    set=0:-9007199254740992,1:9007199254740992 -- path=d type=bool \
	    shape=3x1 -- path=e type=f64 shape=2x1 set=0:-0.1,1:5e-324
	[ "$(text x.h5 | tr '\n' ' ')" = 'c0 -128 -1 ' ]
	[ "$(text -d b x.h5 | tr '\n' ' ')" = 'c0 -32768 -1 ' ]
	[ "$(text -d c x.h5 | tr '\n' ' ')" = \
	    'c0 -9007199254740992 9007199254740992 ' ]
	[ "$(text -d d x.h5 | tr '\n' ' ')" = 'c0 0 1 0 ' ]
	[ "$(text -d e x.h5 | tr '\n' ' ')" = 'c0 -0.1 5e-324 ' ]
}

@test "h5cols: every filter and shape of chunk gives the same table" {
	local t layout filter

	counted 1000 7 >want
	for t in f32 i16 u64be; do
		for layout in 1000x7 400x7 300x3 700x1 128x4 2000x16 10x2; do
			for filter in none shuffle deflate shuffle,deflate \
			    fletcher shuffle,deflate,fletcher \
			    shuffle,deflate,nofill; do
				h5make x.h5 type=$t shape=1000x7 max=0x0 \
				    layout=$layout filter=$filter
				text x.h5 >got
				cmp want got ||
				    { echo "$t $layout $filter"; return 1; }
			done
		done
	done
	h5make x.h5 type=i32 shape=1000x7 layout=400x7 filter=scale,deflate
	text x.h5 | cmp want -
}

@test "h5cols: the same bytes into a pipe as into a file" {
	local layout o

	for layout in contiguous 1000x20 1000x7 3x20; do
		h5make x.h5 shape=40000x20 layout=$layout
		for o in '' '-s 777' '-n 30001' '-c 0:7' '-z' '-c c1,*' \
		    --nonfinite=drop; do
			h5cols $o x.h5 >file
			h5cols $o x.h5 | cmp - file
			h5cols $o x.h5 x.h5 | nfcat --check
		done
		h5make x.h5 shape=40000x20 layout=$layout set=500:nan
		h5cols --nonfinite=drop x.h5 2>/dev/null >file
		h5cols --nonfinite=drop x.h5 2>/dev/null | cmp - file
		h5cols --nonfinite=pass x.h5 >file
		h5cols --nonfinite=pass x.h5 | cmp - file
	done
}

@test "h5cols: the same bytes with any number of threads" {
	h5make x.h5 shape=50000x20 layout=1000x20 filter=shuffle,deflate
	OMP_NUM_THREADS=1 h5cols x.h5 >one
	OMP_NUM_THREADS=5 h5cols x.h5 >five
	cmp one five
	h5cols -z x.h5 >packed
	[ "$(size packed)" -lt "$(size one)" ]
	cmp <(nfcat -t one) <(nfcat -t packed)
}

@test "h5cols: columns and rows, wherever chunks end" {
	local layout cut

	counted 1000 7 >all
	for layout in contiguous compact 300x3 400x7; do
		h5make x.h5 shape=1000x7 layout=$layout filter=$(
		    case $layout in [34]*) echo shuffle,deflate ;; esac)
		for cut in 0:5 299:2 399:401 1:999 999:9 700:0 5000:3; do
			{ head -n 1 all; tail -n +2 all |
			    tail -n +$((${cut%:*} + 1)) |
			    head -n ${cut#*:}; } | cut -f 2,4,7 >want
			text -s ${cut%:*} -n ${cut#*:} -c '1,c3,c[6-9]' x.h5 \
			    >got
			cmp want got || { echo "$layout $cut"; return 1; }
		done
		paste <(cut -f 6 all) <(cut -f 1 all) >want
		text --columns=c5,0 x.h5 | cmp want -
	done
}

@test "h5cols: several files are one table" {
	local layout

	counted 900 3 >want
	for layout in contiguous 128x3; do
		h5make a.h5 shape=300x3 layout=$layout
		h5make b.h5 shape=0x3
		h5make c.h5 shape=600x3 base=900 layout=$layout
		text a.h5 b.h5 c.h5 | cmp want -
		{ head -n 1 want; tail -n +298 want | head -n 10; } >cut
		text --skip 296 --rows 10 a.h5 b.h5 c.h5 | cmp cut -
	done
	h5cols a.h5 b.h5 c.h5 a.h5 | nfcat -i >info
	grep -qx 'rows	1200' info
	[ "$(grep -c '^note' info)" -eq 4 ]
}

@test "h5cols: one wide column in one file makes the stream f64" {
	h5make a.h5 type=f32
	h5make b.h5 type=f64
	h5cols a.h5 b.h5 | nfcat -i | grep -qx 'type	f64'
	h5make g.h5 path=data group=1 -- path=data/a type=i16 shape=4 -- \
	    path=data/b type=i32 shape=4
	h5cols g.h5 | nfcat -i | grep -qx 'type	f64'
	h5cols -c a g.h5 | nfcat -i | grep -qx 'type	f32'
}

@test "h5cols: a group's 1-D datasets are the columns" {
	printf 'z\ta\tm\n0\t10\t20\n1\t11\t21\n2\t12\t22\n' >want
	h5make x.h5 path=g group=1 order=1 -- path=g/z type=f64 shape=3 -- \
	    path=g/deep group=1 -- path=g/square shape=3x3 -- path=g/a \
	    type=i8 shape=3 base=10 -- path=g/m shape=3 base=20
	text -d g x.h5 | cmp want -
	h5make y.h5 path=z shape=3 -- path=m shape=3 base=20 -- path=a \
	    shape=3 base=10
	text -d / y.h5 >got
	printf 'a\tm\tz\n10\t20\t0\n11\t21\t1\n12\t22\t2\n' | cmp - got
	text -d / -c z,a,m y.h5 | cmp want -
	text -d z y.h5 | cmp <(cut -f 1 want) -
}

@test "h5cols: columns of a group, each in chunks of its own" {
	h5make x.h5 path=data group=1 order=1 -- path=data/c0 shape=5000 -- \
	    path=data/c1 shape=5000 type=f64be base=1 layout=1500 \
	    filter=shuffle,deflate -- path=data/c2 shape=5000 type=i32 \
	    layout=333 filter=deflate base=2 -- path=data/c3 shape=5000 \
	    type=u16 layout=5000 filter=shuffle base=3 -- path=data/c4 \
	    shape=5000 layout=2000 rows=100 filter=shuffle,deflate base=4
	awk 'BEGIN { print "c0\tc1\tc2\tc3\tc4"; for (i = 0; i < 5000; i++)
	    print i "\t" i + 1 "\t" i + 2 "\t" i + 3 "\t" \
	    (i < 100 ? i + 4 : 0) }' >want
	text x.h5 | cmp want -
	text -s 1400 -n 300 x.h5 | cmp <(sed -n '1p;1402,1701p' want) -
}

@test "h5cols: names of fixed and variable length, or none" {
	h5make x.h5 shape=1x3 names=a,b,ab_c -- path=v shape=1x3 \
	    vnames=x,a_long_name_of_a_column,z -- path=one shape=2 names=n
	[ "$(text x.h5 | head -n 1)" = 'a	b	ab_c' ]
	[ "$(text -d v x.h5 | head -n 1)" = 'x	a_long_name_of_a_column	z' ]
	[ "$(text -d one x.h5 | head -n 1)" = n ]
}

@test "h5cols: names that cannot be" {
	h5make x.h5 path=few names=a,b -- path=number names=3 -- path=twice \
	    names=a,b,a -- path=control "names=a,b,c	d"
	refused 3 'x.h5:few: attribute columns has 2 names for 3 columns' \
	    -d few x.h5
	refused 3 'x.h5:number: attribute columns: holds int32, want strings' \
	    -d number x.h5
	refused 3 'x.h5:twice: columns 0 and 2 have one name, "a"'"$twice" \
	    -d twice x.h5
	refused 3 'x.h5:control: the name of column 2: a control character (0x09)' \
	    -d control x.h5
}

@test "h5cols: notes and recipe of a file go into the header" {
	h5make a.h5 note=made 'prep=c0 = log'
	h5make b.h5 note=other 'prep=c0 = log'
	h5make c.h5
	h5make d.h5 "note=two
lines"
	h5cols a.h5 b.h5 a.h5 | nfcat -i | grep -E '^(note|prep)' >got
	printf '%s\t%s\n' prep 'c0 = log' note made note 'h5cols a.h5:data' \
	    note other note 'h5cols b.h5:data' note 'h5cols a.h5:data' |
	    cmp - got
	refused 3 'c.h5:data: its columns were transformed by another recipe: "none", want "c0 = log"' \
	    a.h5 c.h5
	h5cols d.h5 | nfcat --check
}

@test "h5cols: files that do not match name the first difference" {
	h5make a.h5 names=a,b,c
	h5make b.h5 names=a,x,c
	h5make c.h5 shape=4x2 names=a,b
	refused 3 'b.h5:data: column 1 is "x", want "b"' a.h5 b.h5
	refused 3 'c.h5:data: 2 columns, want 3' a.h5 c.h5
}

@test "h5cols: NaN and infinity stop it, are dropped or passed" {
	local layout

	for layout in contiguous 300x3; do
		h5make x.h5 shape=1000x3 layout=$layout filter=$(
		    case $layout in 3*) echo shuffle,deflate ;; esac) \
		    set=1501:nan,1510:-inf
		h5make y.h5 shape=1000x3
		refused 3 'x.h5:data: row 500, column c1 is nan (h5cols --nonfinite=drop leaves such rows out)' \
		    -s 10 y.h5 x.h5
		h5cols -n 1500 y.h5 x.h5 | nfcat --check
		refused 3 'x.h5:data: row 503, column c1 is -inf (h5cols --nonfinite=drop leaves such rows out)' \
		    --nonfinite=fail -s 501 x.h5
		text -c c0,c2 x.h5 | grep -qE 'nan|inf' && return 1
		run -0 --separate-stderr sh -c \
		    'h5cols --nonfinite=drop x.h5 >out'
		[ "$stderr" = \
		    'h5cols: 2 rows with NaN or infinity left out' ]
		text --nonfinite=drop x.h5 2>/dev/null >got
		counted 1000 3 | sed '505d;502d' | cmp - got
		[ "$(text --nonfinite=pass x.h5 | sed -n 502p)" = \
		    '1500	nan	1502' ]
		[ "$(text --nonfinite=drop -n 501 x.h5 2>/dev/null |
		    wc -l)" -eq 501 ]
	done
	h5make z.h5 shape=3x1 set=0:nan,1:inf,2:nan
	[ "$(text --nonfinite=drop z.h5 2>/dev/null)" = c0 ]
	h5make z.h5 type=f64 shape=3x1 set=0:nan,2:inf
	[ "$(text --nonfinite=drop z.h5 2>/dev/null | tr '\n' ' ')" = 'c0 1 ' ]
}

@test "h5cols: integers that float64 cannot hold are refused" {
	local layout t message

	for layout in contiguous compact 200x2; do
		for t in i64:9007199254740993 i64be:-9007199254740993 \
		    u64:18446744073709551615 u64be:9007199254740993; do
			h5make x.h5 type=${t%:*} shape=200x2 layout=$layout \
			    names=run,event set=301:${t#*:}
			refused 3 'x.h5:data: row 150, column event: an integer beyond 2^53, which a stream cannot hold exactly; choose other columns' \
			    x.h5
			h5cols -c run x.h5 | nfcat --check
		done
	done
	h5make x.h5 path=a shape=900 -- path=b shape=900 -- path=c shape=900 -- \
	    path=d type=i64 shape=900 layout=300 set=700:9007199254740993
	refused 3 'x.h5:/: row 700, column d: an integer beyond 2^53, which a stream cannot hold exactly; choose other columns' \
	    -d / x.h5
}

@test "h5cols: what is no table says what it is" {
	local want='want floats or integers of at most 64 bits'

	h5make x.h5 type=compound shape=4 -- path=s type=string shape=4 -- \
	    path=v type=vstring shape=4 -- path=bits type=bit -- path=f \
	    type=f80 -- path=cube shape=2x3x4 -- path=scalar shape=scalar -- \
	    path=null shape=null -- path=flat shape=4x0 -- path=g group=1
	refused 3 "x.h5:data: holds a compound type of 2 fields, $want" x.h5
	refused 3 "x.h5:s: holds strings, $want" -d s x.h5
	refused 3 "x.h5:v: holds strings, $want" -d v x.h5
	refused 3 "x.h5:bits: holds no numbers, $want" -d bits x.h5
	refused 3 "x.h5:f: holds float128, $want" -d f x.h5
	refused 3 'x.h5:cube: 2 x 3 x 4, want rows x columns' -d cube x.h5
	refused 3 'x.h5:scalar: a scalar, want rows x columns' -d scalar x.h5
	refused 3 'x.h5:null: empty, want rows x columns' -d null x.h5
	refused 3 'x.h5:flat: 0 columns, want 1 to 65536' -d flat x.h5
	refused 3 'x.h5:g: no 1-D datasets in this group, which holds nothing' \
	    -d g x.h5
}

@test "h5cols: a damaged dataset is not an absent one" {
	local at

	h5make x.h5
	at=$(grep -abo OHDR x.h5 | sed -n '2s/:.*//p')
	flip x.h5 $((at + 20)) >y.h5
	# libhdf5 does not free the header that it refuses.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	refused 3 'y.h5:data: cannot open it: incorrect metadata checksum after all read attempts' \
	    y.h5
}

@test "h5cols: an absent dataset: the message lists what there is" {
	h5make x.h5 path=jets group=1 -- path=jets/pt shape=7 -- path=rows \
	    shape=10x2 type=i16
	refused 3 'x.h5:data: not in this file, which holds jets (a group of 1), rows (10 x 2, int16) (h5cols -d chooses)' \
	    x.h5
	refused 3 'x.h5:/: no 1-D datasets in this group, which holds jets (a group of 1), rows (10 x 2, int16)' \
	    -d / x.h5
	refused 3 'x.h5:jets/eta: not in this file, which holds jets (a group of 1), rows (10 x 2, int16) (h5cols -d chooses)' \
	    -d jets/eta x.h5
}

@test "h5cols: a group's columns of another length or kind" {
	h5make x.h5 path=a shape=3 -- path=b shape=4
	refused 3 'x.h5:/: b: 4 rows, but a has 3; want columns of equal length' \
	    -d / x.h5
	h5make x.h5 path=a shape=3 -- path=b shape=3 type=string
	refused 3 'x.h5:/: b holds strings, want floats or integers of at most 64 bits' \
	    -d / x.h5
	[ "$(text -d / -c a x.h5 | wc -l)" -eq 4 ]
}

@test "h5cols: unknown columns" {
	run -3 --separate-stderr h5cols -c Jet_ptRatios "$JETS"
	[ "$stderr" = "h5cols: $JETS: no column \"Jet_ptRatios\" (the nearest \
is \"Jet_ptRatio\")" ]
	run -3 --separate-stderr h5cols -c 31 "$JETS"
	[[ "$stderr" == "h5cols: $JETS: no column 31"* ]]
}

@test "h5cols: no rows are a table too" {
	h5make x.h5 shape=0x3 -- path=chunked shape=0x3 max=0x3 \
	    layout=400x3 filter=shuffle,deflate -- path=one shape=0
	[ "$(text x.h5)" = 'c0	c1	c2' ]
	[ "$(text -d chunked x.h5)" = 'c0	c1	c2' ]
	[ "$(text -d one x.h5)" = one ]
	[ "$(text -n 0 "$JETS" | wc -l)" -eq 1 ]
	[ "$(text -s 99999 "$JETS" | wc -l)" -eq 1 ]
}

@test "h5cols: what was never written has the fill value" {
	h5make x.h5 shape=1000x3 layout=300x3 filter=shuffle,deflate rows=300 \
	    fill=7 -- path=flat shape=1000x3 rows=0 -- path=endless \
	    shape=1000000000000000x3 layout=400x3 rows=0 fill=-1
	{ counted 300 3; yes '7	7	7' | head -n 700; } >want
	text x.h5 | cmp want -
	{ counted 0 3; yes '0	0	0' | head -n 1000; } >want
	text -d flat x.h5 | cmp want -
	[ "$(text -d endless -s 999999999999998 x.h5 | tail -n 1)" = \
	    '-1	-1	-1' ]
}

@test "h5cols: the filters that a chunk says it skipped are not undone" {
	local type

	for type in f32 f32be; do
		h5make plain.h5 shape=1000x1 type=$type layout=500x1 \
		    chunk=500,0,plain
		text plain.h5 >want
		h5make x.h5 shape=1000x1 type=$type layout=500x1 \
		    filter=shuffle,deflate chunk=500,0,plain
		text x.h5 | cmp want -
		h5make shuffled.h5 shape=1000x1 type=$type layout=500x1 \
		    filter=shuffle chunk=500,0,junk
		text --nonfinite=pass shuffled.h5 >want
		h5make x.h5 shape=1000x1 type=$type layout=500x1 \
		    filter=shuffle,deflate chunk=500,0,shuffled
		text --nonfinite=pass x.h5 | cmp want -
	done
}

@test "h5cols: a chunk that does not unpack to its size is corrupt" {
	local f

	for f in junk:'its deflated bytes are damaged' \
	    cut:'its deflated bytes are damaged' \
	    short:'it holds too few bytes' long:'it holds too many bytes'; do
		h5make x.h5 shape=1000x4 layout=300x2 filter=shuffle,deflate \
		    chunk=600,2,${f%:*}
		refused 3 "x.h5:data: corrupt chunk at row 600, column 2: ${f#*:}" \
		    x.h5
		h5cols -c 0:2 x.h5 | nfcat --check
		h5cols -n 600 x.h5 | nfcat --check
	done
	h5make x.h5 path=a shape=1000 -- path=b shape=1000 layout=300 \
	    filter=deflate chunk=300,0,junk
	refused 3 'x.h5:/: b: corrupt chunk at row 300, column 0: its deflated bytes are damaged' \
	    -d / x.h5
}

@test "h5cols: a chunk beyond the bound is refused before it is made" {
	h5make x.h5 shape=100000x20000 layout=50000x20000 rows=0
	refused 3 'x.h5:data: chunks of 50000 x 20000 elements of 4 bytes, want at most 1073741824 bytes a chunk' \
	    x.h5
}

@test "h5cols: more columns than a stream has" {
	h5make x.h5 shape=1x65537
	refused 3 'x.h5:data: 65537 columns, want 1 to 65536' x.h5
	h5make x.h5 shape=2x65536 layout=1x1000
	[ "$(text -c 65535,0 x.h5 | tr '\n\t' '  ')" = \
	    'c65535 c0 65535 0 131071 65536 ' ]
}

@test "h5cols: files that are not HDF5" {
	echo text >text
	h5cols "$JETS" >stream
	: >empty
	mkdir directory
	mkfifo fifo
	refused 3 'text: not an HDF5 file' text
	refused 3 'empty: not an HDF5 file' empty
	refused 3 'stream: a tensor stream, not an HDF5 file; nfcat reads it' \
	    stream
	refused 3 'fifo: not a regular file, and HDF5 cannot be read from a pipe or device' \
	    fifo
	refused 1 'directory: Is a directory' directory
	refused 1 'nothere: No such file or directory' nothere
	refused 1 'nothere: No such file or directory' "$JETS" nothere
}

@test "h5cols: a file cut anywhere is status 3 and one line" {
	local n layout

	for layout in contiguous 300x3; do
		h5make x.h5 shape=1000x3 layout=$layout filter=$(
		    case $layout in 3*) echo shuffle,deflate ;; esac)
		for ((n = 0; n < $(size x.h5); n += 401)); do
			head -c $n x.h5 >part.h5
			run -3 --separate-stderr sh -c 'h5cols part.h5 >out'
			[[ ${stderr_lines[0]} == 'h5cols: part.h5: '* ]]
			[ "${#stderr_lines[@]}" -eq 1 ]
			run -3 nfcat --check out
		done
	done
}

@test "h5cols: a damaged chunk never passes" {
	local n at

	h5make x.h5 shape=1000x3 layout=1000x3 filter=shuffle,deflate
	h5cols x.h5 >want
	# The zlib stream of the only chunk: its first two bytes and length.
	at=$(grep -abo $'\x78\x9c' x.h5 | head -n 1 | cut -d : -f 1)
	[ -n "$at" ]
	for ((n = at; n < at + 1000; n += 83)); do
		flip x.h5 $n >y.h5
		run -3 --separate-stderr sh -c 'h5cols y.h5 >out'
		[[ "$stderr" == 'h5cols: y.h5:data: corrupt chunk at row 0, column 0: '* ]]
	done
}

@test "h5cols: usage" {
	run -2 --separate-stderr h5cols
	[ "${stderr_lines[0]}" = 'h5cols: no FILE' ]
	run -2 h5cols --nonfinite=ignore "$JETS"
	run -2 h5cols -n -1 "$JETS"
	run -2 h5cols -s x "$JETS"
	run -2 h5cols --nosuch "$JETS"
	run -2 on_terminal "h5cols '$JETS'"
	[[ "$output" == *'nfcat -t'* ]]
}

@test "h5cols: its end of the pipe" {
	run -1 --separate-stderr sh -c 'h5cols "$JETS" >/dev/full'
	[ "$stderr" = 'h5cols: stdout: cannot write: No space left on device' ]
	h5cols "$JETS" 2>err | head -c 1000 >/dev/null
	[ ! -s err ]
	run -3 bash -c 'h5cols nothere | nfcat | nfcat --check'
}

@test "h5cols: every allocation and read may fail, cleanly" {
	local site n

	faults_built || skip "built without faults"
	h5make x.h5 shape=1000x4 layout=300x2 filter=shuffle,deflate
	h5make y.h5 shape=1000x4
	h5make z.h5 shape=1000x4 layout=compact
	h5make u.h5 path=data group=1 order=1 -- path=data/c0 shape=900 -- \
	    path=data/c1 shape=900 layout=300 filter=shuffle,deflate -- \
	    path=data/c2 shape=900 layout=500 -- path=data/c3 shape=900 \
	    layout=700 rows=100 filter=deflate
	h5cols x.h5 y.h5 z.h5 u.h5 >want
	for site in alloc read write; do
		for ((n = 1; n < 2000; n++)); do
			run --separate-stderr env NF_FAULT=$site:$n sh -c \
			    'h5cols x.h5 y.h5 z.h5 u.h5 >out'
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ] && [ "${#stderr_lines[@]}" -eq 1 ]
			run -3 nfcat --check out
		done
		[ "$n" -gt 1 ] && cmp want out
	done
}
