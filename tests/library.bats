#!/usr/bin/env bats
# The library for other programs: what it shows, nf(3), and its example.
load lib

# Installed once, with a model.
setup_file()
{
	export work=$BATS_FILE_TMPDIR novcc=

	cd "$repo"
	[ -e "$BUILD/libnf-cuda.so" ] || novcc=NVCC=
	make --no-print-directory BUILD="$(realpath --relative-to=. \
	    "$BUILD")" $novcc install PREFIX="$work/inst" >/dev/null
	cd "$work"
	printf '%s\n' '[data]' 'context = GenJet_pt, GenJet_eta' \
	    'target = Jet_ptRatio, Jet_nConstituents, Jet_btagDeepB' '[prep]' \
	    'GenJet_pt = log, standardize' \
	    'Jet_nConstituents = uniform 0.5, standardize' \
	    'Jet_btagDeepB = clip 0 1, spike -1, standardize' '[flow]' 'steps = 2' 'hidden = 16' 'bins = 8' '[train]' \
	    'epochs = 2' 'batch = 256' >jets.cfg
	h5cols -n 3000 "$JETS" | nftrain -q -c jets.cfg -o jets.nf
	h5cols -s 3000 -n 2500 "$JETS" >jets.nfs
	nfcat -c GenJet_pt,GenJet_eta -t jets.nfs | tail -n +2 >context.txt
	nfsample --seed 42 --targets-only jets.nf jets.nfs | nfcat -t >want
}

setup()
{
	cd "$work"
	export PKG_CONFIG_PATH=$work/inst/lib/pkgconfig
	cflags="-Wall -Wextra -Werror -pedantic $(pkg-config --cflags nf)"
	libs="$(pkg-config --libs nf) -Wl,-rpath,$work/inst/lib"
}

# The page's program as a reader sees it.
example()
{
	mandoc -Tascii "$repo/man/nf.3" | sed 's/.\x08//g' | awk '
	    /^ *#include <nf.h>/ && seen++ { on = 1 }
	    on { print }
	    on && /^ *}$/ && index($0, "}") == indent { exit }
	    /^ *#include <nf.h>/ { indent = index($0, "#") }'
}

# Names of the header's functions.
declared()
{
	cc -E -P "$repo/lib/nf.h" | tr -d '\n' | tr ';' '\n' |
	    sed -nE 's/^[^(]*\<(nf_[a-z0-9_]+)\(.*/\1/p' | sort
}

# draws COMMAND...: what it makes of the conditions is nfsample's, bit for bit.
draws()
{
	"$@" jets.nf <context.txt | nfcat --type f32 | nfcat -t | cmp - want
}

@test "libnf.so shows what nf.h declares, in one version, and no more" {
	declared >names
	[ "$(wc -l <names)" -ge 14 ]
	nm -D --defined-only "$BUILD/libnf.so" |
	    sed -n 's/.* [TDB] \(.*\)@@NFPIPE_0.1$/\1/p' | sort | diff names -
	nm -D --defined-only "$BUILD/libnf.so" | awk '$2 != "A"' |
	    [ "$(wc -l)" -eq "$(wc -l <names)" ]
	! grep -n '#include "' "$repo/lib/nf.h"
}

@test "nf(3) names every function and every field" {
	local name

	sed -nE 's/^\.(Fn|Fo) (nf_[a-z0-9_]+).*/\2/p' "$repo/man/nf.3" |
	    sort -u | diff <(declared) -
	for name in device threads reserved seed row temperature draw code \
	    msg NF_ESYS NF_EUSE NF_EDATA; do
		grep -qE "^\.(Fa|It Fa|It Dv) $name|[ *]$name[;[]" \
		    "$repo/man/nf.3"
	done
}

@test "nf(3) shows the header's structs as they are" {
	local name

	for name in options random err; do
		sed -n "/^struct nf_$name {/,/^};/p" "$repo/lib/nf.h" |
		    sed -E 's|[[:space:]]*/\*.*\*/||' >want.$name
		[ -s want.$name ]
		sed -n "/^struct nf_$name {/,/^};/p" "$repo/man/nf.3" |
		    diff want.$name -
	done
}

@test "the page's program builds and draws what nfsample draws" {
	sanitized && skip "it would need the sanitizer's runtime"
	example >flash.c
	grep -q nf_sample_f32 flash.c
	for cc in gcc clang; do
		command -v $cc >/dev/null || continue
		$cc -std=c11 $cflags -o flash.$cc flash.c $libs
		draws ./flash.$cc
	done
	gcc -std=c11 $cflags -Wl,--as-needed -o flash.static flash.c \
	    inst/lib/libnf.a $(pkg-config --static --libs nf)
	draws ./flash.static
	! ldd flash.static | grep -q libnf
	run -1 --separate-stderr ./flash.gcc nothing.nf
	[ "$stderr" = "flash: nothing.nf: No such file or directory" ]
	run -1 --separate-stderr ./flash.gcc jets.nf <<<'30 nan'
	[[ $stderr == "flash: jets.nf: row 0, column GenJet_eta: "* ]]
}

@test "C++ takes the header alone, and the program" {
	sanitized && skip "it would need the sanitizer's runtime"
	for std in c++11 c++17; do
		g++ -std=$std $cflags -fsyntax-only -x c++ -include nf.h \
		    /dev/null
	done
	example >flash.cc
	g++ -std=c++11 $cflags -o flash.cxx flash.cc $libs
	draws ./flash.cxx
	cat >close.cc <<-'END'
	#include <nf.h>
	#include <cstdio>
	#include <memory>

	int main()
	{
		nf_err err;
		std::unique_ptr<nf_handle, decltype(&nf_close)>
		    h(nf_open("jets.nf", NULL, &err), nf_close);

		if (h)
			std::puts(nf_context_name(h.get(), 1));
		return !h;
	}
	END
	g++ -std=c++11 $cflags -o close close.cc $libs
	run -0 ./close
	[ "$output" = GenJet_eta ]
}

@test "a GPU is found from libnf.so too" {
	local emulated=$BUILD/tests/emu/libnf-cuda.so

	sanitized && skip "it would need the sanitizer's runtime"
	[ -e "$emulated" ] || skip "no emulated GPU was built"
	example | sed 's/"cpu"/"cuda"/' >gpu.c
	gcc -std=c11 $cflags -o gpu gpu.c $libs
	head -n 200 context.txt | NF_CUDA_LIB=$emulated ./gpu jets.nf >got
	# The last bits are another machine's.
	paste got <(head -n 201 want) | awk 'NR > 1 {
		n++
		near += ($1 - $4) ^ 2 < 1e-6 && $2 == $5
	    } END { exit !(n == 200 && near > 190) }'
	NF_CUDA_LIB=/nowhere.so run -1 --separate-stderr ./gpu jets.nf
	[[ $stderr == "flash: no GPU can be used: NF_CUDA_LIB: "* ]]
}

@test "densities and latents are those of nflogp" {
	sanitized && skip "it would need the sanitizer's runtime"
	cat >logp.c <<-'END'
	#include <nf.h>
	#include <stdio.h>

	int main(void)
	{
		static double row[5], x[4];
		static struct nf_random at;
		struct nf_handle *h = nf_open("jets.nf", NULL, NULL);

		at.seed = 9;
		puts("logp\tz0\tz1\tz2");
		for (; scanf("%lf %lf %lf %lf %lf", row, row + 1, row + 2,
		    row + 3, row + 4) == 5; at.row++) {
			if (nf_log_density(h, &at, 1, row, row + 2, x, NULL) ||
			    nf_latent(h, &at, 1, row, row + 2, x + 1, NULL))
				return 1;
			printf("%.17g\t%.17g\t%.17g\t%.17g\n", x[0], x[1],
			    x[2], x[3]);
		}
		nf_close(h);
		return 0;
	}
	END
	gcc -std=c11 $cflags -o logp logp.c $libs
	nfcat -n 300 --type f64 jets.nfs >some.nfs
	nfcat -t -c \
	    GenJet_pt,GenJet_eta,Jet_ptRatio,Jet_nConstituents,Jet_btagDeepB \
	    some.nfs | tail -n +2 | ./logp | nfcat >got.nfs
	cmp <(nfcat -c logp -t got.nfs | tail -n +2) \
	    <(nflogp --seed 9 jets.nf some.nfs | nfcat -c log_prob -t |
	    tail -n +2)
	cmp <(nfcat -c z0,z1,z2 -t got.nfs) \
	    <(nflogp --seed 9 --latent jets.nf some.nfs |
	    nfcat -c z0,z1,z2 -t)
}

@test "the library says its version as pkg-config and the programs do" {
	sanitized && skip "it would need the sanitizer's runtime"
	printf '#include <nf.h>\n#include <stdio.h>\n%s\n' \
	    'int main(void) { return puts(nf_version()) < 0; }' >version.c
	gcc -std=c11 $cflags -o version version.c $libs
	[ "$(./version)" = "$(nfcat --version | sed 's/.* //')" ]
	[ "$(pkg-config --modversion nf)" = "$(./version)" ]
}
