#!/usr/bin/env bats
# The pages: well made, true to the programs, their examples run.
load lib

setup()
{
	cd "$repo"
	work=$BATS_TEST_TMPDIR
}

# page_options PROGRAM: what its page lists, without dashes.
page_options()
{
	awk '/^\.It Fl / {
		for (k = 2; k < NF; k++)
			if ($k == "Fl" && $(k + 1) != "Fl")
				print $(k + 1)
	}' "man/$1.1"
}

# commands PAGE: its examples as a reader sees them, each on one line.
commands()
{
	mandoc -Tascii -O width=200 "$1" | sed 's/.\x08//g' | awk '
	    /^[A-Z]/ { on = $0 == "EXAMPLES" }
	    on && (more || $1 == "$") {
		if (!more)
			sub(/^ *\$ /, "")
		more = sub(/\\$/, "")
		printf "%s%s", $0, more ? " " : "\n"
	    }'
}

@test "pages: mandoc finds nothing to warn of" {
	run mandoc -Tlint -W warning man/*.[1-9]
	[ -z "$output" ]
	[ "$status" -eq 0 ]
}

@test "pages: the skeleton's sections, in its order" {
	local page want

	for page in man/*.1; do
		want='NAME SYNOPSIS DESCRIPTION EXIT STATUS EXAMPLES SEE ALSO '
		[ "$(sed -n 's/^\.Sh //p' "$page" | grep -wE \
		    'NAME|SYNOPSIS|DESCRIPTION|EXIT|EXAMPLES|SEE' |
		    tr '\n' ' ')" = "$want" ] || echo "$page"
	done >"$work/bad"
	diff /dev/null "$work/bad"
}

@test "pages: what they refer to exists" {
	local name section

	grep -hE '^\.Xr (nf|h5)' man/*.[1-9] | sort -u |
	    while read -r _ name section _; do
		[ -e "man/$name.$section" ] || echo "$name($section)"
	    done >"$work/bad"
	diff /dev/null "$work/bad"
}

@test "pages: every program's options, and no others" {
	local page p

	for page in man/*.1; do
		p=$(basename "$page" .1)
		{ long_options "$p"; short_options "$p"; } | sort >"$work/want"
		{
			page_options "$p" | sed 's/^-//'
			printf 'help\nversion\n'
		} | sort -u >"$work/got"
		diff "$work/want" "$work/got" >"$work/diff" ||
		    { echo "$page (< source, > page):"; cat "$work/diff"; }
	done >"$work/bad"
	diff /dev/null "$work/bad"
}

@test "pages: every command of EXAMPLES runs" {
	local page command bad=0

	for page in man/*.[1-9]; do
		mkdir "$work/$(basename "$page")"
		cp "$JETS" "$work/$(basename "$page")/jets.h5"
		while read -r command; do
			(cd "$work/$(basename "$page")" &&
			    timeout 100 bash -c "$command" </dev/null \
			    >"$work/out" 2>"$work/err") && continue
			printf '%s: %s\n' "$page" "$command"
			tail -n 5 "$work/err"
			bad=1
		done < <(commands "$page")
	done
	[ "$bad" -eq 0 ]
}

@test "pages: every short option has a long name" {
	local page

	for page in man/*.1; do
		grep -H '^\.It Fl [A-Za-z]\( Ar [^ ]*\)*$' "$page" || true
	done >"$work/bad"
	# There --config prints one.
	diff <(echo "man/nfmodel.1:.It Fl c Ar FILE.cfg") "$work/bad"
}

@test "pages: every program's has examples" {
	local page

	for page in man/*.1; do
		[ -n "$(commands "$page")" ] || echo "$page"
	done >"$work/bad"
	diff /dev/null "$work/bad"
}
