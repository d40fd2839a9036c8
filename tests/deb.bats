#!/usr/bin/env bats
# The Debian packages' lists against what make install puts, and the rest.
load lib

setup()
{
	work=$BATS_TEST_TMPDIR
	cd "$repo"
}

# stanza FIELD: its values in debian/control, joined.
field()
{
	sed -n "/^$1:/,/^[^ ]/{/^$1:/s/^[^:]*: *//p;/^ /p;}" debian/control |
	    tr -d ',\n'
}

@test "deb: every file that is installed is in one package, once" {
	local novcc=

	[ -e "$BUILD/libnf-cuda.so" ] || novcc=NVCC=
	make --no-print-directory BUILD="$(realpath --relative-to=. \
	    "$BUILD")" $novcc install DESTDIR="$work" PREFIX=/usr \
	    LIBDIR=lib/some-linux >/dev/null
	grep -qx 'libdir=${prefix}/lib/some-linux' \
	    "$work/usr/lib/some-linux/pkgconfig/nf.pc"
	[ "$(grep -rl /usr/share/nfpipe "$work/usr/share/nfpipe" \
	    "$work/usr/share/man" | wc -l)" -eq 4 ]
	! grep -rlI /usr/local "$work" || false
	(cd "$work" && find usr ! -type d | sort) >want
	mv want "$work/want"
	for list in debian/*.install; do
		while read -r pattern _; do
			found=$(cd "$work" &&
			    find $pattern ! -type d 2>/dev/null) || true
			[ -n "$found" ] || echo "$list: $pattern" >>"$work/bad"
			echo "$found" >>"$work/got"
		done <"$list"
	done
	[ -z "$novcc" ] || sed -i '/nfpipe-cuda/d' "$work/bad"
	[ ! -s "$work/bad" ] || { cat "$work/bad"; return 1; }
	sed '/^$/d' "$work/got" | sort | diff "$work/want" -
}

@test "deb: the version is the tree's, the library's name its version" {
	[ "$(sed -n '1s/^nfpipe (\(.*\)) .*/\1/p' debian/changelog)" = \
	    "$(sed -n 's/^VERSION = //p' Makefile)" ]
	objdump -p "$BUILD/libnf.so" | grep -q 'SONAME *libnf.so.0$'
	grep -qx 'Package: libnf0' debian/control
}

@test "deb: it builds with what the Makefile needs" {
	local p

	for p in $(sed -n '/^DEBS = /,/[^\\]$/p' Makefile | tr ' \\' '\n\n' |
	    grep -- '-dev$\|^pkg-config$'); do
		[[ $p == libomp-dev ]] && continue
		[[ " $(field Build-Depends) " == *" $p"* ]] || echo "$p"
	done >"$work/bad"
	diff /dev/null "$work/bad"
	[ -x debian/rules ]
	grep -q '^License:' debian/copyright
}
