#!/usr/bin/env bats
# The tensor stream, nfstream(5), as the programs keep to it.
load lib

# tests/stream.c damages every bit; here some bytes do where it takes long.
step=1
sanitized && step=7

header='nfstream 1\ntype f32\ncolumn a\ncolumn b\n'

# head [TEXT [ROWS]]: a header.
head_of()
{
	forge NFSH 0 "${2:--1}" "t:${1-$header}"
}

end_of()
{
	forge NFSE 0 "$1" ''
}

# Two rows of two columns, and a third.
small()
{
	head_of
	forge NFSD 0 2 f:1,2,3,4
	forge NFSD 0 1 f:5,6
	end_of 3
}

# refuses MESSAGE: what comes on standard input is refused with it.
refuses()
{
	cat >input
	run -3 --separate-stderr sh -c 'nfpermute --columns=0: <input >out'
	[ "$stderr" = "nfpermute: stdin: $1" ] || { echo "$stderr"; false; }
	! tail -c 32 out | grep -q NFSE
	run -3 --separate-stderr nfcat --check <input
	[ -z "$output" ]
}

@test "a stream that was put together by hand is read" {
	run -0 nfcat -t < <(small)
	[ "$output" = $'a\tb\n1\t2\n3\t4\n5\t6' ]
	run -0 nfcat -t < <(head_of 'nfstream 1\ntype f64\ncolumn a\n' 1
	    forge NFSD 0 1 d:0.1
	    end_of 1)
	[ "$output" = $'a\n0.1' ]
	run -0 nfcat -t < <(head_of; end_of 0)
	[ "$output" = $'a\tb' ]
}

@test "and written back as it came, but for its frames" {
	nfcat < <(head_of; forge NFSD 0 3 f:1,2,3,4,5,6; end_of 3) >want
	nfcat < <(small) >got
	cmp want got
	cmp want <(head_of; forge NFSD 0 3 f:1,2,3,4,5,6; end_of 3)
}

@test "zstd frames, and a zstd header, are read" {
	run -0 nfcat -t < <(forge NFSH 1 -1 "zstd:t:$header"
	    forge NFSD 1 2 zstd:f:1,2,3,4
	    forge NFSD 0 1 f:5,6
	    end_of 3)
	[ "$output" = $'a\tb\n1\t2\n3\t4\n5\t6' ]
}

@test "a file that was cut at any byte is refused" {
	small >whole
	head=$(head_of | wc -c)
	for ((at = 0; at < $(size whole); at += step)); do
		head -c "$at" whole >part
		run -3 --separate-stderr nfcat part
		want="stream ended early: the writer stopped after 3 rows"
		[ "$at" -lt $((head + 48 + 40)) ] && want=${want/3/2}
		[ "$at" -lt $((head + 48)) ] && want=${want/2/0}
		[ "$at" -lt "$head" ] &&
		    want="stream ended early: in its header"
		[ "$at" -eq 0 ] &&
		    want="not a tensor stream, npy or text: the input is empty"
		[ "$stderr" = "nfcat: part: $want" ]
	done
	[ "$(size whole)" -eq $((head + 48 + 40 + 32)) ]
}

@test "a file with any byte changed is refused" {
	small >whole
	for ((at = 0; at < $(size whole); at += step)); do
		flip whole "$at" >bad
		run -3 --separate-stderr nfcat --check bad
		[[ $stderr == "nfcat: bad: "* ]]
	done
}

@test "what a change is called depends on where it is" {
	small >whole
	n=$(size whole)
	says()
	{
		flip whole "$2" >bad
		run -3 --separate-stderr nfpermute --columns=0: bad
		[ "$stderr" = "nfpermute: bad: $1" ]
	}
	says 'not a tensor stream' 0
	says 'corrupt header: the checksum differs' 40
	says 'corrupt frame 1: the checksum differs' $((n - 32 - 40 - 1))
	says 'corrupt frame 1: its tag is wrong' $((n - 32 - 40 - 48))
	says 'corrupt frame 2: the checksum differs' $((n - 32 - 1))
	says 'corrupt frame 2: unknown flags' $((n - 32 - 40 + 4))
	says 'corrupt frame 3: the end is damaged' $((n - 1))
}

@test "not a stream: named, with the program that reads it" {
	refuses 'not a tensor stream: the input is empty' </dev/null
	refuses 'not a tensor stream' < <(head -c 1000 /dev/zero)
	run -3 --separate-stderr nfpermute --columns=0: "$JETS"
	[ "$stderr" = "nfpermute: $JETS: not a tensor stream but an HDF5 file \
(h5cols reads it)" ]
	refuses 'not a tensor stream but compressed (gzip -dc reads it)' \
	    < <(small | gzip)
	refuses 'not a tensor stream but compressed (zstd -dc reads it)' \
	    < <(small | zstd -q)
	run -3 --separate-stderr nfpermute --columns=0: <<<"a,b"
	[ "$stderr" = "nfpermute: stdin: not a tensor stream but text (nfcat \
reads tables of numbers)" ]
	nfcat --npy < <(small) >x.npy
	run -3 --separate-stderr nfpermute --columns=0: x.npy
	[ "$stderr" = "nfpermute: x.npy: not a tensor stream but an npy file \
(nfcat reads it)" ]
}

@test "lies about sizes, with a right checksum" {
	frame="corrupt frame 1"
	refuses "$frame: larger than 64 MiB" \
	    < <(head_of; forge NFSD 0 1 '' 67108865)
	refuses "$frame: larger than 64 MiB" \
	    < <(head_of; forge NFSD 0 1 '' 0xffffffffffffffff)
	refuses "$frame: larger than 64 MiB" \
	    < <(head_of; forge NFSD 1 1 '' 67108865)
	refuses 'corrupt header: larger than 64 MiB' \
	    < <(forge NFSH 0 -1 '' 67108865)
	for rows in 1 3; do
		refuses "$frame: its size is not that of its rows" \
		    < <(head_of; forge NFSD 0 $rows f:1,2,3,4; end_of $rows)
	done
	refuses "$frame: its size is not that of its rows" \
	    < <(head_of; forge NFSD 0 2 z:15; end_of 2)
	refuses "stream ended early: the writer stopped after 0 rows" \
	    < <(head_of; forge NFSD 0 8388608 f:1,2 67108864)
	refuses "stream ended early: the writer stopped after 0 rows" \
	    < <(head_of; forge NFSD 1 1 f:1,2 67108864)
}

@test "lies about rows, with a right checksum" {
	bounds="corrupt frame 1: its number of rows is out of bounds"
	refuses "$bounds" < <(head_of; forge NFSD 0 0 ''; end_of 0)
	for rows in 8388609 0xffffffffffffffff 0x2000000000000000; do
		refuses "$bounds" < <(head_of; forge NFSD 0 $rows f:1,2)
	done
	refuses 'the end counts 4 rows, but 3 were there' \
	    < <(small | head -c -32; end_of 4)
	refuses 'the end counts 2 rows, but 3 were there' \
	    < <(small | head -c -32; end_of 2)
	refuses 'the header promises 4 rows, but 3 were there' \
	    < <(head_of "$header" 4; small | tail -c +$(($(head_of |
	    wc -c) + 1)))
	refuses 'the header promises 2 rows, but there are more' \
	    < <(head_of "$header" 2; small | tail -c +$(($(head_of |
	    wc -c) + 1)))
}

@test "lies inside zstd, with a right checksum" {
	odd="corrupt frame 1: its size is not that of its rows"
	refuses "$odd" < <(head_of; forge NFSD 1 1 zstd:f:1,2,3,4)
	refuses "$odd" < <(head_of; forge NFSD 1 1 zstd:z:80000000)
	refuses 'corrupt frame 1: not one zstd frame' \
	    < <(head_of; forge NFSD 1 1 f:1,2)
	refuses 'corrupt frame 1: not one zstd frame' \
	    < <(head_of; forge NFSD 1 1 '')
	refuses 'corrupt header: its size is not that of its rows' \
	    < <(forge NFSH 1 -1 zstd:z:80000000)
	# A frame without its size is found out by decompressing it.
	for n in 8 7 9 100000; do
		head -c $n /dev/zero | zstd -q --no-check | od -An -v -tx1 |
		    tr -d '\n' | sed 's/ /\\x/g' >packed
		{ head_of; forge NFSD 1 1 "t:$(cat packed)"; end_of 1; } >bad
		[ "$n" -eq 8 ] && nfcat --check bad && continue
		refuses 'corrupt frame 1: zstd cannot decompress it' <bad
	done
	refuses 'corrupt frame 1: not one zstd frame' < <(head_of
	    forge NFSD 1 1 "t:$(cat packed packed)")
	refuses 'corrupt frame 1: not one zstd frame' < <(head_of
	    forge NFSD 1 1 "t:$(head -c -4 packed)")
}

@test "unknown blocks and flags, with a right checksum" {
	refuses 'corrupt frame 1: its tag is wrong' \
	    < <(head_of; forge NFSX 0 1 f:1,2; end_of 1)
	refuses 'corrupt frame 1: its tag is wrong' < <(head_of; head_of)
	refuses 'corrupt frame 1: unknown flags' \
	    < <(head_of; forge NFSD 2 1 f:1,2; end_of 1)
	refuses 'corrupt frame 1: the end is damaged' \
	    < <(head_of; forge NFSE 1 0 '')
	refuses 'corrupt frame 1: the end is damaged' \
	    < <(head_of; forge NFSE 0 0 z:8)
	refuses 'not a tensor stream' < <(forge NFSD 0 1 f:1,2)
	refuses 'not a tensor stream' < <(end_of 0)
}

@test "what follows the end is refused, but by nfcat where it is a stream" {
	for more in small 'head -c 1 /dev/zero' 'echo text'; do
		run -3 --separate-stderr nfpermute --columns=0: < <(small; $more)
		[ "$stderr" = "nfpermute: stdin: bytes after the end of the \
stream (nfcat joins streams)" ]
	done
	run -0 nfcat -t < <(small; small)
	[ "${#lines[@]}" -eq 7 ]
	run -3 --separate-stderr nfcat -t < <(small; echo text)
	[[ $stderr == "nfcat: stdin: not a tensor stream"* ]]
	run -3 --separate-stderr nfcat -t < <(small; head -c 1 <(small))
	[ "$stderr" = "nfcat: stdin: stream ended early: in its header" ]
}

@test "every rule of the header's text, with its line" {
	lie()
	{
		refuses "header$1" < <(head_of "$2"; end_of 0)
	}
	type='nfstream 1\ntype f32\n'
	lie ': not lines of text' ''
	lie ': not lines of text' 'nfstream 1\ntype f32\ncolumn a'
	lie ': not lines of text' "${type}column a\x00b\n"
	lie ' line 1: no version' 'type f32\ncolumn a\n'
	lie ' line 1: no version' 'column a\n'
	lie ' line 1: no key and value' '\n'
	lie ' line 1: version "2" of the stream, only 1 is known' \
	    'nfstream 2\n'
	lie ' line 1: version "1 " of the stream, only 1 is known' \
	    'nfstream 1 \n'
	lie ' line 2: "nfstream" for the second time' \
	    'nfstream 1\nnfstream 1\n'
	lie ' line 2: type "f16", want f32 or f64' 'nfstream 1\ntype f16\n'
	lie ' line 3: "type" for the second time' "${type}type f32\n"
	lie ' line 2: "column" does not follow "nfstream"' \
	    'nfstream 1\ncolumn a\n'
	lie ' line 3: "note" does not follow "type"' "${type}note x\n"
	lie ' line 5: "prep" does not follow "note"' \
	    "${type}column a\nnote x\nprep a = log\n"
	lie ' line 4: "type" does not follow "column"' \
	    "${type}column a\ntype f32\n"
	lie ' line 3: no key and value' "${type}column\n"
	lie ' line 3: no key and value' "${type} a\n"
	lie ' line 4: no key and value' "${type}column a\n\n"
	lie ' line 3: a control character (0x09)' "${type}column a\x09b\n"
	lie ' line 3: a control character (0x7f)' "${type}column \x7f\n"
	lie ' line 3: a control character (0x85)' "${type}column \xc2\x85\n"
	lie ' line 4: a control character (0x1b)' \
	    "${type}column a\nnote \x1b[31m\n"
	for bytes in '\xff' '\x80' '\xc3' '\xc0\xaf' '\xe2\x82' \
	    '\xed\xa0\x80' '\xf4\x90\x80\x80' '\xf0\x80\x80\x80'; do
		lie ' line 3: not UTF-8' "${type}column a$bytes\n"
	done
	lie ': 0 columns, want 1 to 65536' "$type"
	lie ': columns 1 and 3 have one name, "b"'"$twice" \
	    "${type}column a\ncolumn b\ncolumn c\ncolumn b\n"
	long=$(printf '%256s' '' | tr ' ' x)
	lie ': the name of column 0 has 256 bytes, want 1 to 255' \
	    "${type}column $long\n"
	lie ': the name of column 0 has 0 bytes, want 1 to 255' \
	    "${type}column \n"
}

@test "what the header's rules allow" {
	says()
	{
		run -0 nfcat -i < <(head_of "$1"; end_of 0)
		[ "$output" = "rows	0"$'\n'"$2" ]
	}
	says 'nfstream 1\ntype f32\ncolumn a b \nnote \n' \
	    $'type\tf32\ncolumns\t1\ncolumn\ta b \nnote\t'
	says 'nfstream 1\nx y\ntype f64\ncolumn \xc3\xa9\nz 1\ncolumn b
prep b = log\nnote n\nnote m\nfuture 7\n' \
	    $'type\tf64\ncolumns\t2\ncolumn\té\ncolumn\tb
prep\tb = log\nnote\tn\nnote\tm'
}

@test "more columns or notes than may be are refused" {
	run -3 --separate-stderr nfcat --check < <(seq -s, 0 65536)
	[ "$stderr" = "nfcat: stdin: line 1: 65537 columns, want 1 to 65536" ]
	run -0 nfcat --check < <(seq -s, 1 65536)
	lines()
	{
		yes "$1" | head -n "$2" | sed 's/$/\\n/' | tr -d '\n'
	}
	for n in 65536 65537; do
		{ printf %s "$header"; lines 'note x' $n; } >text
		forge NFSH 0 0 "@text" >bad
		forge NFSE 0 0 '' >>bad
		[ $n -eq 65536 ] && nfcat --check bad && continue
		run -3 --separate-stderr nfcat --check bad
		[ "$stderr" = "nfcat: bad: header line 65541: more than 65536 \
such lines" ]
	done
}

@test "a failed producer fails the pipeline without pipefail" {
	seq 100000 | nfcat >whole
	run -3 --separate-stderr bash -c \
	    'head -c 300000 whole | nfcat | nfcat -c 0 | nfpermute --rows >out'
	[ "${#stderr_lines[@]}" -eq 3 ]
	for line in "${stderr_lines[@]}"; do
		[[ $line == *": stream ended early: the writer stopped after "* ]]
	done
	[ ! -s out ]
}

@test "a reader that leaves early stops the writer without a word" {
	run -0 --separate-stderr bash -c 'seq 1000000 | nfcat |
	    nfcat -n 3 -t; echo ${PIPESTATUS[*]}'
	[ -z "$stderr" ]
	[ "${lines[4]}" = "141 141 0" ] || [ "${lines[4]}" = "0 141 0" ]
	seq 1000000 | nfcat >whole
	run -0 --separate-stderr bash -c 'nfcat whole | true
	    echo ${PIPESTATUS[0]}'
	[ -z "$stderr" ]
	[ "$output" = 141 ]
}

@test "a stream is not written to a terminal" {
	small >whole
	for p in nfcat 'nfcat -z' 'nfpermute --rows' 'nfpermute --columns=0'; do
		run -2 on_terminal "$p whole"
		[[ $output == "${p%% *}: refusing to write a stream to a \
terminal; pipe it into nfcat -t"* ]]
	done
	run -2 on_terminal "nfcat --npy whole"
	[[ $output == "nfcat: refusing to write an npy file to a terminal"* ]]
	run -0 on_terminal "nfcat -t whole"
}

@test "a full disk is status 1" {
	seq 1000000 | nfcat >whole
	for p in nfcat 'nfcat -z' 'nfcat -t' 'nfcat --csv' 'nfcat --npy' \
	    'nfcat -i' 'nfcat --sum' 'nfpermute --rows' \
	    'nfpermute --columns=0'; do
		run -1 --separate-stderr bash -c "$p whole >/dev/full"
		[ "$stderr" = "${p%% *}: stdout: cannot write: No space left \
on device" ]
	done
}

# faults COMMAND: fail its first, second.. allocation, read and write, and
# some of the many that follow.
faults()
{
	local site n

	for site in alloc read write; do
		for ((n = 1; n < 500; n += 1 + n / 8)); do
			run --separate-stderr env NF_FAULT=$site:$n \
			    sh -c "exec $1"
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ]
			[ -n "$stderr" ]
		done
		[ "$n" -gt 1 ]
		[ "$status" -eq 0 ]
	done
}

@test "every allocation, read and write may fail, cleanly" {
	faults_built || skip "not built with NF_FAULTS"
	small >whole
	nfcat -z whole >packed
	nfcat --npy whole >x.npy
	nfcat --csv whole >x.csv
	for f in whole packed x.npy x.csv; do
		faults "nfcat $f >out"
		nfcat -t out | cmp - <(nfcat -t $f)
	done
	for o in -z -t --npy '--type f32 -c 1'; do
		faults "nfcat $o whole >out"
	done
	seq 3000 | nfcat >many
	for o in '' --inverse '--memory 20000' '--memory 20000 --inverse'; do
		faults "nfpermute --rows $o many >out"
	done
	faults 'nfpermute --columns=random many >out'
	# What failed was never taken for whole.
	for n in 1 2 3; do
		run -1 --separate-stderr env NF_FAULT=write:$n \
		    sh -c 'nfcat many >out'
		run -3 nfcat --check out
	done
}
