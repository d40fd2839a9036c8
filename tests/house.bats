#!/usr/bin/env bats
# The house: what stands where, what may look at what, and that it installs.
load lib

setup()
{
	cd "$repo"
	rooms=$BATS_TEST_TMPDIR
}

# none WHAT: nothing came on standard input; show what did.
none()
{
	local found

	found=$(cat)
	[ -z "$found" ] || { echo "$1:"; echo "$found"; return 1; }
}

# bare FILE...: their lines without comments and strings, as FILE:LINE:TEXT.
bare()
{
	local f

	for f; do
		cc -fpreprocessed -dD -E "$f" 2>/dev/null |
		    sed -e '/^# [0-9]/d' -e 's/"\([^"\\]\|\\.\)*"/""/g' \
		    -e "s|^|$f: |"
	done
}

# looks FILE... : "FILE HEADER" for each of our headers that it includes.
looks()
{
	grep -HoE '^#[[:space:]]*include[[:space:]]*"[^"]+"' "$@" |
	    sed -E 's/^([^:]*):[^"]*"([^"]*)"/\1 \2/'
}

# outside ROOM...: lines of looks whose header stands in none of the rooms.
outside()
{
	local file header room

	while read -r file header; do
		for room; do
			[ -e "$room/$header" ] && continue 2
		done
		echo "$file includes $header"
	done
}

programs()
{
	ls tools/*.c | grep -v '^tools/tool' | sed 's|tools/\(.*\)\.c|\1|'
}

@test "nothing points back: lib, formats, cuda and tools look downwards" {
	looks lib/*.[ch] | outside lib | none "lib sees only lib"
	looks formats/*.[ch] | outside formats lib |
	    none "formats sees formats and lib"
	looks tools/*.[ch] | outside tools formats lib |
	    none "tools see tools, formats and lib"
	if ls cuda/*.cu* >/dev/null 2>&1; then
		looks cuda/*.cu* | outside cuda lib | none "cuda sees lib"
	fi
}

@test "lib and formats neither print nor exit" {
	bare lib/*.[ch] formats/*.[ch] | grep -v 'format(printf' | grep -wE \
	    'printf|vprintf|fprintf|puts|perror|stderr|stdout|_?exit|abort' |
	    none "left to the tools"
}

@test "lib and formats keep no state of their own" {
	sanitized && skip "the sanitizer does"
	faults_built && skip "counting faults is state"
	objdump -t "$BUILD/libnf.a" |
	    awk '/ O (\.bss|\.data|\*COM\*)[ \t]/ && !/gomp_critical/' |
	    none "writable globals"
}

@test "only tool.c prints errors and exits" {
	bare tools/*.c | grep -v '^tools/tool\.c:' |
	    grep -E '\<(stderr|perror|_?exit\(|abort\(|errx?\(|warnx?\()' |
	    none "left to tool.c"
}

@test "80 columns, tabs of 8, 400 lines a file and 250 a program" {
	local f

	for f in {lib,formats,tools,cuda,tests,tests/*}/*.{c,h,cu,cuh}; do
		[ -e "$f" ] || continue
		[ "$(wc -L <"$f")" -le 80 ] || echo "$f is too wide"
		grep -nE ' +	|[ 	]$' "$f" | sed "s|^|$f: blanks: |"
		case $f in
		tests/*) continue ;;
		tools/*) max=250 ;;
		*) max=400 ;;
		esac
		[ "$(wc -l <"$f")" -le "$max" ] || echo "$f is too long"
	done | none "style"
	[ "$(wc -l <Makefile)" -le 100 ]
}

@test "no function has more than 80 lines, no struct is typedef'd" {
	awk 'FNR == 1 { start = 0 }
	    /^\{/ { start = FNR }
	    /^\}/ && start { if (FNR - start > 81)
		print FILENAME ":" start ": " FNR - start - 1 " lines"
		start = 0 }' {lib,formats,tools}/*.[ch] $(ls cuda/*.cu*) |
	    none "too long"
	grep -nE 'typedef[[:space:]]+(struct|union|enum)' \
	    {lib,formats,tools}/*.[ch] | none "typedef"
}

@test "every program answers, has its page and its tests" {
	local p

	[ -n "$(programs)" ]
	for p in $(programs); do
		run -0 --separate-stderr "$p" --version
		[[ $output == "$p (nfpipe) "* ]]
		run -0 --separate-stderr "$p" --help
		[[ ${lines[0]} == "usage: $p "* ]]
		[ "${lines[-1]}" = "See man $p." ]
		[ "$(sed -n 's/^\.Nd //p' "man/$p.1")" = "${lines[-2]}" ]
		[ -x "tests/$p.bats" ]
		run -2 --separate-stderr "$p" --no-such-option
		[ -z "$output" ]
		[ "${stderr_lines[0]}" = \
		    "$p: unrecognized option '--no-such-option'" ]
	done
}

@test "every test can run" {
	local f

	for f in tests/*.bats; do
		[ -x "$f" ] || echo "$f"
	done | none "not executable"
}

# A make of this build that neither rebuilds it nor adds to it.
remake()
{
	local novcc=

	[ -e "$BUILD/libnf-cuda.so" ] || novcc=NVCC=
	make --no-print-directory BUILD="$(realpath --relative-to=. \
	    "$BUILD")" $novcc "$@"
}

@test "make with no change builds nothing" {
	run -0 remake -n all
	[ "$output" = "make: Nothing to be done for 'all'." ]
}

# ceiling.c wants a CBLAS, which nothing else does.
@test "make bench measures the operations that there are" {
	run -0 "${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -fopenmp -Wall -Wextra \
	    -Werror -Ilib -fsyntax-only tests/bench/work.c tests/bench/bench.c
}

@test "make help names the targets" {
	run -0 remake help
	for t in check demo deps asan install clean; do
		[[ $output == *"$t"* ]]
	done
}

# installed DIRECTORY: the files there, sorted.
installed()
{
	(cd "$1" && find . ! -type d | sort)
}

@test "make install puts all where promised, DESTDIR or not" {
	local p page

	remake install DESTDIR="$rooms/stage" PREFIX=/usr >/dev/null
	remake install PREFIX="$rooms/inst" >/dev/null
	diff <(installed "$rooms/stage/usr") <(installed "$rooms/inst")
	grep -qx 'prefix=/usr' "$rooms/stage/usr/lib/pkgconfig/nf.pc"
	installed "$rooms/inst" >"$rooms/got"
	for p in $(programs); do
		echo "./bin/$p"
	done >"$rooms/want"
	for page in man/*.[1-9]; do
		echo "./share/man/man${page##*.}/${page#man/}"
	done >>"$rooms/want"
	printf './%s\n' lib/libnf.a lib/libnf.so lib/libnf.so.0 \
	    lib/pkgconfig/nf.pc include/nf.h \
	    >>"$rooms/want"
	comm -13 "$rooms/got" <(sort "$rooms/want") | none "not installed"
	"$rooms/inst/bin/nfcat" --version
}

@test "deps: silent when all is there, else it says or does what is missing" {
	local deps="sh $repo/pipelines/deps.sh"

	cd "$rooms"
	mkdir bin
	fake()
	{
		printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
		chmod +x "bin/$1"
	}
	PATH=$rooms/bin:$PATH
	fake dpkg-query 'case $4 in have*) echo installed;; *) exit 1;; esac'
	fake apt-get 'echo "apt-get $*"'
	fake id 'echo 0'
	run -0 $deps have1 have2
	[ -z "$output" ]
	run -0 $deps have1 want1 have2 want2
	[ "${lines[0]}" = "apt-get update" ]
	[ "${lines[1]}" = \
	    "apt-get install -y --no-install-recommends want1 want2" ]

	fake id 'echo 1000'
	fake sudo '[ "$1" = -n ] && shift; "$@"'
	run -0 $deps want1
	[ "${lines[0]}" = "apt-get update" ]
	fake sudo 'exit 1'
	run -1 $deps have1 want1
	[ "${lines[0]}" = "missing: want1" ]
	[ "${lines[2]}" = "    sudo apt-get update && sudo apt-get install -y \
--no-install-recommends want1" ]
	fake id 'echo 0'
	fake apt-get '[ "$1" = update ]'
	run -1 $deps want1

	mkdir empty				# not Debian
	run -1 env PATH="$rooms/empty" /bin/sh "$repo/pipelines/deps.sh" gcc x
	[ "${lines[0]}" = \
	    "not found: cc pkg-config bats prove mandoc zstd" ]
	[ "${lines[1]}" = \
	    "this is not Debian; install what stands for: gcc x" ]
	for t in cc pkg-config bats prove mandoc zstd; do
		ln -s /bin/true "empty/$t"
	done
	run -0 env PATH="$rooms/empty" /bin/sh "$repo/pipelines/deps.sh" gcc x
	[ -z "$output" ]
}
