#!/usr/bin/env bats
# nfcat: look at tensor streams, convert, check, cut and join them.
load lib

# table ROWS: a table of text of three columns.
table()
{
	printf 'x\ty\tz\n'
	seq 1 "$1" | awk -v OFS='\t' '{ print $1, $1 * 7 % 1000, -$1 / 8 }'
}

# plain FILE: its rows as an uncompressed stream that does not count them.
plain()
{
	cat "$1" | nfcat
}

# dies MESSAGE ARGUMENT...: status 3 and the message.
dies()
{
	run -3 --separate-stderr nfcat "${@:2}"
	[ "$stderr" = "nfcat: $1" ] || { echo "$stderr"; false; }
}

# wrong MESSAGE ARGUMENT...: status 2, the message, then the usage.
wrong()
{
	run -2 --separate-stderr nfcat "${@:2}"
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "nfcat: $1" ]
	[[ ${stderr_lines[1]} == "usage: nfcat "* ]]
}

@test "a stream passes as it is" {
	table 100000 | nfcat >whole
	plain whole | cmp - whole
	nfcat whole >counted
	nfcat counted | cmp - counted
	nfcat - <counted | cmp - counted
	plain counted | cmp - whole
	nfcat -z whole >packed
	[ "$(size packed)" -lt "$(size whole)" ]
	nfcat packed | cmp - <(plain whole)
}

@test "text goes to a stream and comes back" {
	table 1000 >want
	nfcat want >whole
	nfcat -t whole | cmp - want
	nfcat --csv whole | cmp - <(tr '\t' , <want)
	nfcat --csv whole | nfcat -t | cmp - want
}

@test "-i: columns, type, rows and notes" {
	table 10 | nfcat --type f32 >whole
	want=$'rows\t10\ntype\tf32\ncolumns\t3\ncolumn\tx\ncolumn\ty\ncolumn\tz'
	run -0 nfcat -i whole
	[ "$output" = "$want" ]
	run -0 nfcat -i <whole			# a file, still
	[ "$output" = "$want" ]
	run -0 nfcat -i < <(cat whole)		# counted by reading on
	[ "$output" = "$want" ]
	run -0 nfcat -i < <(cat whole whole)
	[ "${lines[0]}" = $'rows\t20' ]
	cat whole whole >twice
	run -0 nfcat -i twice
	[ "${lines[0]}" = $'rows\t20' ]
	run -0 nfcat -i -c z,x -n 3 whole
	[ "$output" = $'rows\t3\ntype\tf32\ncolumns\t2\ncolumn\tz\ncolumn\tx' ]
	{
		forge NFSH 0 -1 't:nfstream 1\ntype f64\ncolumn a\ncolumn b
prep a = log\nprep b = scale 2\nnote from here\n'
		forge NFSE 0 0 ''
	} >notes
	run -0 nfcat -i notes
	[ "$output" = $'rows\t0\ntype\tf64\ncolumns\t2\ncolumn\ta\ncolumn\tb
prep\ta = log\nprep\tb = scale 2\nnote\tfrom here' ]
	run -0 nfcat -i -c b notes		# with its own recipe only
	[ "$output" = $'rows\t0\ntype\tf64\ncolumns\t1\ncolumn\tb
prep\tb = scale 2\nnote\tfrom here' ]
}

@test "a known number of rows is passed on, an unknown one is not" {
	table 10 | nfcat >piped
	nfcat piped >counted
	rows()
	{
		od -An -tx8 -j 8 -N 8 "$1" | tr -d ' '
	}
	[ "$(rows piped)" = ffffffffffffffff ]
	[ "$(rows counted)" = 000000000000000a ]
	nfcat -s 3 -n 5 counted >part
	[ "$(rows part)" = 0000000000000005 ]
	nfcat -s 8 -n 5 counted >part
	[ "$(rows part)" = 0000000000000002 ]
	nfcat counted counted >two
	[ "$(rows two)" = ffffffffffffffff ]
	nfcat -i two | grep -qx $'rows\t20'
	# The end's count is not believed where the size says otherwise.
	{ head -c -32 piped; forge NFSE 0 11 ''; } >lie
	dies "lie: the end counts 11 rows, but 10 were there" lie
}

@test "-n and -s choose rows, also across frames and files" {
	table 100000 >text
	nfcat text >whole
	for n in 0 1 43690 43691 43692 99999 100000 100001; do
		nfcat -t -n $n whole | cmp - <(head -n $((n + 1)) text)
		nfcat -t -s $n whole | cmp - \
		    <(head -n 1 text; tail -n +$((n + 2)) text)
	done
	nfcat -t -s 99990 -n 20 whole whole >got
	cmp got <(head -n 1 text; tail -n +99992 text; sed -n 2,11p text)
	# What comes after the last row wanted is not looked at.
	head -c 2000000 whole >part
	run -0 nfcat --check -n 43690 part
	run -3 nfcat --check part
}

@test "-c chooses columns, in any order, and --type the type" {
	table 5 | nfcat >whole
	run -0 nfcat -t -c z,0 whole
	[ "${lines[0]}" = $'z\tx' ]
	[ "${lines[5]}" = $'-0.625\t5' ]
	nfcat --type f32 -c 'y,*' whole | nfcat -i - >got
	grep -qx $'type\tf32' got
	[ "$(sed -n 4p got)" = $'column\ty' ]
	for t in f32 f64; do
		nfcat --type $t whole >typed
		for u in f32 f64; do
			nfcat -t --type $u typed | cmp - <(nfcat -t whole)
			nfcat -t --type $u -c z,x typed |
			    cmp - <(nfcat -t -c z,x whole)
		done
	done
	echo 0.1 | nfcat --type f32 | nfcat --type f64 -t >got
	[ "$(tail -n 1 got)" = 0.10000000149011612 ]
	echo 1e300 | nfcat --type f32 -t >got
	[ "$(tail -n 1 got)" = inf ]
	dies 'whole: no column "w" (the nearest is "x")' -c w whole
	dies 'whole: no column matches "Jet_*"' -c 'Jet_*' whole
	dies 'whole: column "x" is asked for twice' -c x,0 whole
}

@test "several files are joined, if their columns agree" {
	table 5 | nfcat >a
	table 7 | tr '\t' , >b.csv
	run -0 nfcat -t a b.csv a
	[ "${#lines[@]}" -eq 18 ]
	nfcat -t a b.csv a | cmp - <(cat a <(nfcat b.csv) a | nfcat -t)
	fits="does not fit what came before"
	nfcat -c x,z,y a >swapped
	dies "swapped: $fits: column 1 is \"z\", want \"y\"" a swapped
	nfcat -c x,y a >fewer
	dies "fewer: $fits: 2 columns, want 3" a fewer
	run -3 --separate-stderr nfcat -t - < <(cat a fewer)
	[ "$stderr" = "nfcat: stdin: $fits: 2 columns, want 3" ]
	nfcat --type f32 a >narrow
	dies "narrow: has type f32, what came before has f64 (--type makes \
them one)" a narrow
	run -0 nfcat --type f64 --check a narrow
	for p in 'log' 'scale 2'; do
		forge NFSH 0 0 "t:nfstream 1\ntype f64\ncolumn x\nprep x = $p\n"
		forge NFSE 0 0 ''
	done >two
	dies "two: $fits: its columns were transformed by another recipe: \
\"x = scale 2\", want \"x = log\"" two
}

@test "--check reads everything and prints nothing" {
	table 1000 | nfcat >whole
	run -0 --separate-stderr nfcat --check whole
	[ -z "$output$stderr" ]
	flip whole 12345 >bad
	dies "bad: corrupt frame 1: the checksum differs" --check bad
}

@test "--sum: rows, and a digest of them in any order and shape" {
	table 20000 | nfcat >whole
	want=$(nfcat --sum whole)
	[[ $want =~ ^20000$'\t'[0-9a-f]{32}$ ]]
	[ "$(nfcat -z whole | nfcat --sum)" = "$want" ]
	[ "$(nfcat -t whole | nfcat --sum)" = "$want" ]
	[ "$(nfcat -s 5000 whole | nfcat --sum - <(nfcat -n 5000 whole))" = \
	    "$want" ]
	[ "$(nfpermute --rows whole | nfcat --sum)" = "$want" ]
	nfcat -t whole >text
	{ head -n 1 text; tail -n +2 text | shuf; } >shuffled
	[ "$(nfcat --sum shuffled)" = "$want" ]
	# Names, type, values, their order and repetitions count.
	{
		echo "$want"
		nfcat -t whole | sed '1s/x/u/' | nfcat --sum
		nfcat --type f32 whole | nfcat --sum
		nfcat -t whole | sed '2s/1/2/' | nfcat --sum
		nfcat -c y,x,z --sum whole
		nfcat -c x,y --sum whole
		nfcat --sum whole whole
		nfcat --sum -n 19999 whole
		nfcat --sum -s 1 whole
		nfcat -t whole | sed '2s/.*/0\t0\t0/' | nfcat --sum
	} >sums
	[ "$(sort -u sums | wc -l)" -eq "$(wc -l <sums)" ]
	# Two of one row are not two of another.
	[ "$(printf '1\n1\n2\n2\n' | nfcat --sum)" != \
	    "$(printf '1\n1\n1\n2\n' | nfcat --sum)" ]
}

@test "numbers in text read back as the same bits" {
	cat >numbers <<-'END'
	v
	0
	-0
	0.1
	1e-310
	5e-324
	1.7976931348623157e+308
	123456789.12345679
	inf
	-inf
	nan
	END
	nfcat -t numbers | cmp - numbers
	head -c 400000 "$JETS" | od -An -v -tfF -w4 | tr -d ' ' |
	    grep -v nan >floats
	nfcat --type f32 floats >whole
	nfcat -t whole | nfcat --type f32 | cmp - <(plain whole)
	head -c 400000 "$JETS" | od -An -v -tfD -w8 | tr -d ' ' |
	    grep -v nan >doubles
	nfcat doubles >whole
	nfcat --csv whole | nfcat | cmp - <(plain whole)
}

@test "text of many kinds is read" {
	want=$'a\tb\n1\t2\n3\t4'
	is_table()
	{
		run -0 nfcat -t input
		[ "$output" = "$want" ]
	}
	printf 'a\tb\n1\t2\n3\t4\n' >input; is_table
	printf 'a,b\n1,2\n3,4' >input; is_table
	printf 'a;b\r\n1;2\r\n3;4\r\n' >input; is_table
	printf ' a   b \n1 2\n\n 3  4  \n\n' >input; is_table
	printf '# a b\n1 2\n3 4\n' >input; is_table
	printf '\xef\xbb\xbfa,b\n1,2\n3,4\n' >input; is_table
	printf '"a","b"\n"1","2"\n 3 , 4 \n' >input; is_table
	want=$'c0\tc1\n1\t2\n3\t4'
	printf '1,2\n3,4\n' >input; is_table
	printf '\n\n1 2\n3 4\n' >input; is_table
	want=$'a\n1' ; printf 'a\n1\n' >input; is_table
	want=$'c0\n1'; printf '1' >input; is_table
	want=a; printf 'a\n' >input; is_table
	want=$'a b\tc\n1\t2'; printf 'a b,c\n1,2\n' >input; is_table
}

@test "names that would not read back are quoted" {
	for names in '1|2' 'nan|x' 'a b|c' '#a|b' 'a,b|c' 'a"b|c"' ' a|b ' \
	    '"a"|b' 'a;b' 'a b' '7'; do
		a=${names%|*} b=${names#*|}
		text="nfstream 1\ntype f64\ncolumn $a\n"
		[ "$b" != "$a" ] && text+="column $b\n"
		{
			forge NFSH 0 1 "t:$text"
			[ "$b" != "$a" ] && forge NFSD 0 1 d:1,2 ||
			    forge NFSD 0 1 d:1
			forge NFSE 0 1 ''
		} >whole
		nfcat -t whole | nfcat | cmp - <(plain whole)
		nfcat --csv whole | nfcat | cmp - <(plain whole)
	done
	run -0 nfcat --csv <(printf 'a "x"\ty\n1\t2\n')
	[ "${lines[0]}" = '"a ""x""",y' ]
}

@test "bad text: the line and the column are named" {
	printf 'a,b\n1,2\n3,x4\n' >bad
	dies 'bad: line 3, column b: "x4" is not a number' -t bad
	printf 'a,b\n1,2\n\n,4\n' >bad
	dies 'bad: line 4, column a: empty, want a number or nan' -t bad
	printf 'a,b\n1,2\n3\n' >bad
	dies 'bad: line 3 has 1 values, want 2' -t bad
	printf 'a,b\n1,2,3\n' >bad
	dies 'bad: line 2 has more than 2 values, want 2' -t bad
	printf 'a,b\n1,2,\n' >bad
	dies 'bad: line 2 has more than 2 values, want 2' -t bad
	printf 'a\tb\n1\t\n' >bad
	dies 'bad: line 2, column b: empty, want a number or nan' -t bad
	printf '1.0,NA,2.0\n1,2,3\n' >bad
	dies "bad: line 1: neither names nor numbers: \"2.0\" is one, \"NA\" \
is none" -t bad
	printf 'a,,b\n1,2,3\n' >bad
	dies 'bad: line 1: the name of column 1 has 0 bytes, want 1 to 255' bad
	printf 'a,b,a\n1,2,3\n' >bad
	dies 'bad: line 1: columns 0 and 2 have one name, "a"'"$twice" bad
	printf 'a\xff,b\n1,2\n' >bad
	dies 'bad: line 1: the name of column 0: not UTF-8' bad
	printf '\n \n\n' >bad
	dies 'bad: nothing but blank lines' bad
	printf '"a"x,b\n1,2\n' >bad
	run -0 nfcat -t bad
	[ "${lines[0]}" = $'ax\tb' ]
	head -c 17000000 /dev/zero | tr '\0' 1 >bad
	dies 'bad: line 1 is longer than 16 MiB' bad
	dies "$JETS: not a tensor stream, npy or text but an HDF5 file \
(h5cols reads it)" "$JETS"
	gzip -c <bad | head -c 1000 >bad.gz
	dies "bad.gz: not a tensor stream, npy or text but compressed (gzip \
-dc reads it)" bad.gz
	dies "stdin: not a tensor stream, npy or text: the input is empty" \
	    </dev/null
}

# npy DESCR SHAPE [VERSION]: an npy file but for its data.
npy()
{
	local text="{'descr': $1, 'fortran_order': ${4:-False}, 'shape': $2, }"
	local v=${3:-1} n

	n=$(printf '%s\n' "$text" | wc -c)
	printf "\\x93NUMPY\\x0$v\\x00\\x$(printf %02x $((n % 256)))"
	printf "\\x$(printf %02x $((n / 256)))"
	[ "$v" -eq 1 ] || printf '\0\0'
	printf '%s\n' "$text"
}

@test "npy files of all kinds are read" {
	is()
	{
		run -0 nfcat -t x.npy
		[ "$output" = "$1" ] || { echo "$output"; false; }
	}
	{ npy "'<f4'" '(2, 2)'; printf '\0\0\x80?\0\0\0@\0\0\0\0\0\0\x20A'; } \
	    >x.npy
	is $'c0\tc1\n1\t2\n0\t10'
	nfcat -i x.npy | grep -qx $'type\tf32'
	{ npy "'<f8'" '(1,)' 2; printf '\0\0\0\0\0\0\xf8?'; } >x.npy
	is $'c0\n1.5'
	nfcat -i x.npy | grep -qx $'type\tf64'
	{ npy "'>f8'" '(1, 1)' 3; printf '?\xf8\0\0\0\0\0\0'; } >x.npy
	is $'c0\n1.5'
	{ npy "'|i1'" '(2,)'; printf '\xff\x05'; } >x.npy
	is $'c0\n-1\n5'
	{ npy "'|u1'" '(2, 1)'; printf '\xff\x05'; } >x.npy
	is $'c0\n255\n5'
	{ npy "'|b1'" '(2,)'; printf '\0\x01'; } >x.npy
	is $'c0\n0\n1'
	{ npy "'<i2'" '(1,)'; printf '\xfe\xff'; } >x.npy
	is $'c0\n-2'
	{ npy "'>u2'" '(1,)'; printf '\x01\0'; } >x.npy
	is $'c0\n256'
	nfcat -i x.npy | grep -qx $'type\tf32'
	{ npy "'<i4'" '(1,)'; printf '\xff\xff\xff\x7f'; } >x.npy
	is $'c0\n2147483647'
	nfcat -i x.npy | grep -qx $'type\tf64'
	{ npy "'<u4'" '(1,)'; printf '\xff\xff\xff\xff'; } >x.npy
	is $'c0\n4294967295'
	{ npy "'<i8'" '(1,)'; printf '\xff\xff\xff\xff\xff\xff\xff\xff'; } \
	    >x.npy
	is $'c0\n-1'
	{ npy "'>u8'" '(1,)'; printf '\0\0\0\0\0\0\x01\0'; } >x.npy
	is $'c0\n256'
	{ npy "[('pt', '<f4'), ('n', '>i2')]" '(2,)'
	    printf '\0\0\x80?\0\x03\0\0\0@\xff\xff'; } >x.npy
	is $'pt\tn\n1\t3\n2\t-1'
	{ npy "'<f4'" '(1, 2)' 1 False; printf '\0\0\x80?\0\0\0@'; } >x.npy
	run -0 nfcat -t < <(cat x.npy)
	[ "$output" = $'c0\tc1\n1\t2' ]
	npy "'<f4'" '(0, 3)' >x.npy
	is $'c0\tc1\tc2'
	{ npy "'<f4'" '(1,)' 1 True; printf '\0\0\x80?'; } >x.npy
	is $'c0\n1'
}

@test "npy files that are odd or damaged are refused" {
	odd()
	{
		npy "${@:2}" >x.npy
		dies "x.npy: npy: $1" -t x.npy
	}
	odd "stored by columns (Fortran order): save \
numpy.ascontiguousarray(x)" "'<f4'" '(2, 2)' 1 True
	odd 'an array of 0 dimensions, want 1 or 2' "'<f4'" '()'
	odd 'an array of 3 dimensions, want 1 or 2' "'<f4'" '(1, 2, 3)'
	odd 'an array of 2 dimensions, want 1, of records' \
	    "[('a', '<f4')]" '(1, 1)'
	odd '0 columns, want 1 to 65536' "'<f4'" '(3, 0)'
	odd '65537 columns, want 1 to 65536' "'<f4'" '(3, 65537)'
	for t in '<c8' '<f2' '<f16' 'O' '<U5' '' '<' '<i3' '<M8[ns]'; do
		odd "numbers of type '$t', want f4, f8, i1 to i8, u1 to u8 or \
b1" "'$t'" '(1,)'
	done
	odd 'no fields' '[]' '(1,)'
	fields='fields that are not single numbers, or have no simple names'
	odd "$fields" "[('a', '<f4', (2,))]" '(1,)'
	odd "$fields" "[(('t', 'a'), '<f4')]" '(1,)'
	odd "$fields" "[('a', [('b', '<f4')])]" '(1,)'
	odd 'columns 0 and 1 have one name, "a"'"$twice" \
	    "[('a', '<f4'), ('a', '<f4')]" '(1,)'
	bad='the header is not that of an array'
	odd "$bad" "'<f4'" '(1.5,)'
	odd "$bad" "'<f4'" '(-1,)'
	odd "$bad" "'<f4'" '(99999999999999999999,)'
	odd "$bad" "'<f4'" '(1,), "x": 1'
	odd "$bad" "'<f4'" '(1,)' 1 Maybe
	odd "$bad" "'<f4\\'" '(1,)'
	odd "$bad" 'f4' '(1,)'
	npy "'<f4'" '(1,)' 4 >x.npy
	dies 'x.npy: npy version 4, only 1 to 3 are known' x.npy
	printf '\x93NUMPY\x02\0\xff\xff\xff\xff   ' >x.npy
	dies 'x.npy: 4294967295 bytes of header, at most 1048576' x.npy

	{ npy "'<f4'" '(3, 2)'; head -c 24 /dev/zero; } >whole
	n=$(($(size whole) - 24))
	for at in 8 9 10 11 $((n - 1)); do
		head -c $at whole >x.npy
		dies 'x.npy: npy file ended early: in its header' x.npy
	done
	for at in 0 7 8 23; do
		head -c $((n + at)) whole >x.npy
		dies "x.npy: npy file ended early: after $((at / 8)) of 3 rows" \
		    --check x.npy
	done
	{ cat whole; echo; } >x.npy
	dies 'x.npy: bytes after the npy array' --check x.npy
	npy "'<f8'" '(2305843009213693952, 1)' >x.npy
	dies 'x.npy: npy file ended early: after 0 of 2305843009213693952 rows' \
	    --check x.npy
}

@test "--npy writes what is read back, to files and pipes" {
	table 50000 | nfcat >whole
	nfcat --npy whole >counted.npy
	nfcat --npy <(cat whole) >filled.npy	# its header filled in at last
	cat whole | nfcat --npy | cat >piped.npy
	{ printf 12345; cat whole | nfcat --npy; } >later.npy
	: >appended.npy
	cat whole | nfcat --npy >>appended.npy
	cmp counted.npy filled.npy
	cmp counted.npy piped.npy
	cmp counted.npy appended.npy
	cmp counted.npy <(tail -c +6 later.npy)
	[ "$(size counted.npy)" -eq $((128 + 50000 * 3 * 8)) ]
	[ "$(head -c 10 counted.npy | od -An -tx1)" = \
	    " 93 4e 55 4d 50 59 01 00 76 00" ]
	[ "$(head -c 128 counted.npy | tail -c +11 | tr -s ' ')" = \
	    "{'descr': '<f8', 'fortran_order': False, 'shape': (50000, 3), } " ]
	nfcat -t counted.npy | tail -n +2 | cmp - <(nfcat -t whole |
	    tail -n +2)
	nfcat --npy --type f32 whole | nfcat --sum >got
	[ "$(nfcat -t --type f32 whole | sed '1s/.*/c0\tc1\tc2/' | nfcat \
	    --type f32 --sum)" = "$(cat got)" ]
	# Until then it is no npy file.
	head -c 500000 whole >part
	run -3 nfcat --npy <(cat part)
	run -3 bash -c 'nfcat --npy <(cat part) >x.npy'
	run -3 --separate-stderr nfcat x.npy
	[ "$stderr" = "nfcat: x.npy: not a tensor stream, npy or text" ]
	run -1 --separate-stderr bash -c 'cat whole | TMPDIR=/nowhere nfcat \
	    --npy | cat >/dev/null; exit ${PIPESTATUS[1]}'
	[ "$stderr" = "nfcat: /nowhere: cannot make a temporary file: No such \
file or directory (TMPDIR says where)" ]
}

@test "usage" {
	wrong 'one kind of output at a time' -t -i
	wrong 'one kind of output at a time' --csv --npy
	wrong '-z compresses streams only' -z -t
	wrong '--type f16: want f32 or f64' --type f16
	wrong "-n: '-1' is not a whole number from 0 up" \
	    -n -1
	wrong "-s: 'x' is not a whole number from 0 up" \
	    -s x
	run -1 --separate-stderr nfcat nowhere
	[ "$stderr" = "nfcat: nowhere: No such file or directory" ]
	run -1 --separate-stderr nfcat .
	[[ $stderr == "nfcat: .: is a directory"* ]]
	run -2 on_terminal nfcat
	[[ $output == "nfcat: standard input is a terminal"* ]]
	run -0 nfcat -tt < <(echo 1)
	table 9 | nfcat >whole
	run -0 nfcat --text --rows 2 --skip 3 --columns z,x whole
	[ "$output" = "$(nfcat -t -n 2 -s 3 -c z,x whole)" ]
	[ "$(nfcat --info whole)" = "$(nfcat -i whole)" ]
	nfcat --zstd whole | cmp - <(nfcat -z whole)
}
