#!/bin/sh
# usage: install.sh BUILD TO PREFIX VERSION PACKAGES
# Put what BUILD holds below TO, as it will be found below PREFIX.  The
# environment's LIBDIR is where libraries go there: lib, unless it is set.
set -eu
build=$1 to=$2 prefix=$3 version=$4 packages=$5
lib=${LIBDIR:-lib}

# put MODE DIRECTORY FILE...
put()
{
	mode=$1 dir=$to/$2
	shift 2
	mkdir -p "$dir"
	install -m "$mode" "$@" "$dir"
}

put 755 bin "$build"/bin/*
put 644 "$lib" "$build"/libnf.a
for so in libnf libnf-cuda; do
	[ -e "$build/$so.so" ] || continue
	install -m 755 "$build/$so.so" "$to/$lib/$so.so.$version"
	ln -sf "$so.so.$version" "$to/$lib/$so.so.0"
done
ln -sf libnf.so.0 "$to/$lib/libnf.so"
[ ! -e "$build/libnf-cuda.so" ] ||
    ln -sf libnf-cuda.so.0 "$to/$lib/libnf-cuda.so"

put 644 include lib/nf.h

mkdir -p "$to/$lib/pkgconfig"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" \
    -e "s|@LIBDIR@|$lib|" -e "s|@PACKAGES@|$packages|" \
    nf.pc.in >"$to/$lib/pkgconfig/nf.pc"

for page in man/*.[1357]; do
	put 644 "share/man/man${page##*.}" "$page"
done
sh pipelines/completion.sh "$to"

# The pipelines, but for what serves the source alone.
for file in pipelines/*.mk pipelines/*.cfg pipelines/*.sh pipelines/*/*; do
	room=${file#pipelines}
	case $room in
	/completion/* | /completion.sh | /install.sh | /deps.sh | \
	    /demo.mk) ;;
	*.sh | *.sbatch) put 755 "share/nfpipe${room%/*}" "$file" ;;
	*) put 644 "share/nfpipe${room%/*}" "$file" ;;
	esac
done

# Pages and job files name the place of the pipelines.
sed -i "s|/usr/local/share/nfpipe|$prefix/share/nfpipe|" \
    "$to/share/man/man7/nfpipe.7" "$to"/share/nfpipe/htcondor/*.sub
