#!/usr/bin/env bats
# What every program shares (tools/tool.h), shown by tests/util/tool_probe.
load lib

usage="usage: tool_probe [-n N] [-x X] [-s SIZE] [-d DURATION]
                  [--open] [FILE]"

# refuses MESSAGE ARGUMENT...: status 2, the message, then the usage.
refuses()
{
	run -2 --separate-stderr tool_probe "${@:2}"
	[ -z "$output" ]
	[ "$stderr" = "tool_probe: $1"$'\n'"$usage" ]
}

@test "--help and --version answer on standard output" {
	run -0 --separate-stderr tool_probe --help
	[ -z "$stderr" ]
	[ "$output" = "$usage"$'\n'"show what the programs share
See man tool_probe." ]
	run -0 --separate-stderr tool_probe --version
	[[ $output =~ ^"tool_probe (nfpipe) "[0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ -z "$stderr" ]
}

@test "an answer that cannot be written is status 1" {
	for to in /dev/full '&-'; do
		run -1 --separate-stderr bash -c "tool_probe --help >$to"
		[[ $stderr == "tool_probe: stdout: "* ]]
	done
}

@test "wrong options are status 2, named, with the usage" {
	refuses "invalid option -- 'q'" -q
	refuses "unrecognized option '--columns'" --columns
	refuses "option requires an argument -- 'n'" -n
	refuses "option '--size' requires an argument" --size
	refuses "option '--open' doesn't allow an argument" --open=x
}

@test "whole numbers" {
	for v in 0 -5 100 +7 007; do
		run -0 tool_probe -n "$v"
		[ "$output" -eq $((10#${v#[+-]} * (${v%%[0-9]*}1))) ]
	done
	for v in 101 -6 '' x 1x 1.5 ' 1' 99999999999999999999; do
		refuses "-n: '$v' is not a whole number from -5 to 100" -n "$v"
	done
}

@test "numbers" {
	for v in 0.5 -3 1e-300; do
		run -0 tool_probe -x "$v"
		[ "$(printf %g "$output")" = "$(printf %g "$v")" ]
	done
	for v in nan inf 1e999 '' x 1,5 ' 1'; do
		refuses "-x: '$v' is not a finite number" -x "$v"
	done
}

@test "sizes" {
	for pair in 0=0 17=17 1k=1024 1.5K=1536 512M=536870912 4G=4294967296 \
	    2t=2199023255552; do
		run -0 tool_probe --size "${pair%=*}"
		[ "$output" = "${pair#*=}" ]
	done
	for v in '' -1 4GB G 1e9 x 1.2.3 0x10 99999999T inf; do
		refuses "-s: '$v' is not a size: want bytes, or a number with \
K, M, G or T, as 4G" -s "$v"
	done
}

@test "durations" {
	for pair in 0=0 90=90 1.5=1.5 10m=600 1h30m=5400 2d=172800 90s=90 \
	    0.5h=1800; do
		run -0 tool_probe -d "${pair%=*}"
		[ "$output" = "${pair#*=}" ]
	done
	for v in '' -1 h 1h30 0h30 10x 1e3 1hm ' 1' inf; do
		refuses "-d: '$v' is not a duration: want seconds, or numbers \
with s, m, h or d, as 1h30m" -d "$v"
	done
}

@test "an error's code is the exit status" {
	for code in 1 2 3; do
		run -$code --separate-stderr tool_probe --die $code
		[ "$stderr" = "tool_probe: as asked" ]
		[ -z "$output" ]
	done
}

@test "a message is one write: programs in a pipe do not mix theirs" {
	command -v strace >/dev/null || skip "no strace"
	sanitized && skip "the leak check cannot be traced"
	strace -o trace -e trace=write tool_probe --die 3 2>/dev/null || true
	[ "$(grep -c '^write(2, "tool_probe: as asked.n", ' trace)" -eq 1 ]
	[ "$(grep -c '^write(2' trace)" -eq 1 ]
}

@test "a stream comes from a file or from standard input" {
	tool_probe --output >s
	run -0 tool_probe --open s
	[ "$output" = s ]
	run -0 bash -c 'tool_probe --open <s; tool_probe --open - <s'
	[ "$output" = stdin$'\n'stdin ]
}

@test "what cannot be opened is status 1 and says why" {
	run -1 --separate-stderr tool_probe --open nothing
	[ "$stderr" = "tool_probe: nothing: No such file or directory" ]
	run -1 --separate-stderr tool_probe --open .
	[ "$stderr" = \
	    "tool_probe: .: is a directory, want a file that holds a stream" ]
}

@test "a terminal is neither read nor written" {
	run -2 on_terminal "tool_probe --output"
	[ "${lines[0]%$'\r'}" = "tool_probe: refusing to write a stream to a \
terminal; pipe it into nfcat -t" ]
	run -2 on_terminal "tool_probe --open >/dev/null"
	[[ ${lines[0]} == "tool_probe: standard input is a terminal: "* ]]
}

@test "a closed descriptor is not taken by a file" {
	tool_probe --output >s
	cp s copy
	run -0 --separate-stderr bash -c 'tool_probe --open s <&-'
	[ "$output" = s ]
	run -1 --separate-stderr bash -c 'tool_probe --open s --version >&-'
	run -1 --separate-stderr bash -c 'tool_probe --output >&-'
	[[ $stderr == "tool_probe: stdout: "* ]]
	cmp s copy
}

@test "memory is bounded by the machine and by ulimit" {
	run -0 tool_probe --memory
	[ "$output" -gt 1000000 ]
	[ "$output" -le $(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) * \
	    1024)) ]
	sanitized && skip "the sanitizer needs its address space"
	for limit in v d; do
		run -0 bash -c "ulimit -$limit 400000; tool_probe --memory"
		[ "$output" -lt $((400000 * 1024)) ]
	done
}

@test "progress is one line on a terminal, nothing in a log" {
	run -0 --separate-stderr tool_probe --progress
	[ "$stderr" = "tool_probe: in between" ]
	on_terminal "stty cols 40; tool_probe --progress" >got
	tr -d '\n' <got | tr '\r' '\n' | sed 's/\x1b\[K//' >drawn
	[ "$(wc -L <drawn)" -eq 39 ]		# cut to the width
	[ "$(wc -l <drawn)" -lt 50 ]		# not drawn 1000 times
	grep -q '^0 █████$' drawn
	grep -q '^tool_probe: in between$' drawn
	[ "$(tail -c 4 got | od -An -tx1)" = " 0d 1b 5b 4b" ]	# wiped
}
