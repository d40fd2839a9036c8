#!/bin/sh
# usage: install.sh BUILD TO PREFIX VERSION PACKAGES
# Put what BUILD holds below TO, as it will be found below PREFIX.
set -eu
build=$1 to=$2 prefix=$3 version=$4 packages=$5

# put MODE DIRECTORY FILE...
put()
{
	mode=$1 dir=$to/$2
	shift 2
	mkdir -p "$dir"
	install -m "$mode" "$@" "$dir"
}

put 755 bin "$build"/bin/*
put 644 lib "$build"/libnf.a
for lib in libnf libnf-cuda; do
	[ -e "$build/$lib.so" ] || continue
	install -m 755 "$build/$lib.so" "$to/lib/$lib.so.$version"
	ln -sf "$lib.so.$version" "$to/lib/$lib.so.0"
	ln -sf "$lib.so.0" "$to/lib/$lib.so"
done

put 644 include lib/nf.h

mkdir -p "$to/lib/pkgconfig"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" \
    -e "s|@PACKAGES@|$packages|" nf.pc.in >"$to/lib/pkgconfig/nf.pc"

for page in man/*.[157] man/*.3; do
	[ -e "$page" ] || continue
	put 644 "share/man/man${page##*.}" "$page"
done

# The pipelines, with what they run on; they find the programs from there.
put 644 share/nfpipe pipelines/flow.mk pipelines/jets.mk pipelines/muons.mk \
    pipelines/*.cfg pipelines/report.sh
put 644 share/nfpipe/report pipelines/report/*
put 644 share/nfpipe/data pipelines/data/*
