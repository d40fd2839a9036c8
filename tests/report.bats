#!/usr/bin/env bats
# The page of a pipeline: whole, well formed, its numbers those of the tools.
load lib

report=$repo/pipelines/report.sh

# Two tables with columns that are hard to write in HTML, and a model.
setup_file()
{
	local odd

	cd "$BATS_FILE_TMPDIR"
	odd='a<b&"c'
	cat >flow.cfg <<-'END'
	[data]
	context = 0, 1
	target = 2:5
	[prep]
	flag = levels 0 1
	[flow]
	steps = 2
	hidden = 8
	blocks = 1
	bins = 4
	[train]
	epochs = 3
	batch = 100
	seed = 7
	END
	awk -v odd="$odd" -v OFS='\t' 'BEGIN {
		printf "pt\tgroup\t%s\tx\tflag\n", odd
		for (i = 0; i < 1000; i++) {
			pt = i % 97 + 1
			print pt, i % 3, (i * 37) % 101 / 10 - pt / 20, \
			    (i * 53) % 89 + 0.5, (i % 7 > 1)
		}
	}' | nfcat --type f32 - >true.nfs
	nftrain -q -c flow.cfg -o 'model&.nf' true.nfs
	nfsample 'model&.nf' true.nfs >draws.nfs
	nfcmp --tsv --by pt:2 -c 2:5 true.nfs draws.nfs >cmp.tsv
	nflogp --latent 'model&.nf' true.nfs |
	    nfcmp --normal --by pt:2 --tsv >latents.tsv
	printf 'DATA = one.h5 <two>\nTIME = \n' >keys
	sh "$report" -t 'A < B & "C"' -b pt:2 -l x -p log:pt,x -p group,x \
	    -r x,flag -n latents.tsv -k keys 'model&.nf' true.nfs draws.nfs cmp.tsv >page.html
}

setup()
{
	cd "$BATS_FILE_TMPDIR"
}

@test "report: tags are closed in order, names escaped, nothing is fetched" {
	perl -0777 -ne '
		die "no doctype" unless s/^<!DOCTYPE html>//;
		s/<style>(.*?)<\/style>//s;
		die "style fetches" if $1 =~ /url|import/;
		die "script" if /<script|javascript:|\bon[a-z]+=/i;
		die "fetches" if /(src|href)="(?!#)/i || /https?:/;
		my (@open, %id);
		while (/\G([^<>&"]|"|&(?:amp|lt|gt|quot);|
		    <(\/?)([a-z0-9]+)((?:\s+[a-zA-Z0-9-]+="[^"<>]*")*)\s*
		    (\/?)>)/gcx) {
			next unless defined $3;
			my ($end, $tag, $with, $empty) = ($2, $3, $4, $5);
			while ($with =~ / id="([^"]*)"/g) {
				die "id $1 twice" if $id{$1}++;
			}
			next if $empty || $tag eq "meta";
			if (!$end) { push @open, $tag; next }
			my $last = pop @open;
			die "$last ended by $tag" if $last ne $tag;
		}
		die "bad at " . substr($_, pos // 0, 60)
		    if (pos // 0) != length;
		die "open: @open" if @open;
		while (/href="#([^"]*)"/g) { die "no $1" unless $id{$1} }
	' page.html
	grep -qF '<h1>A &lt; B &amp; &quot;C&quot;</h1>' page.html
	grep -qF '<th>a&lt;b&amp;&quot;c</th>' page.html
	grep -qF '<dt>DATA</dt><dd>one.h5 &lt;two&gt;</dd>' page.html
	grep -qF 'model&amp;.nf' page.html
	! grep -q '<dt>TIME' page.html		# nothing to say of it
}

@test "report: every target, profile, ROC curve and matrix is there" {
	[ "$(grep -c '<svg ' page.html)" -eq 9 ]
	[ "$(grep -c '</svg>' page.html)" -eq 9 ]
	[ "$(grep -c ': draws and truth, and their ratio"' page.html)" -eq 3 ]
	grep -q 'ROC of x for flag' page.html
	grep -q 'x in bins of pt' page.html
	grep -q 'x in bins of group' page.html
	! grep -qiE '>[^<]*\<(nan|inf)\>' page.html
}

# first REGEX: what the page says first between that and the next tag.
first()
{
	sed -n "s|.*$1\([^<]*\)<.*|\1|p" page.html | head -n 1
}

@test "report: its figures are nfcmp's" {
	local auc floor

	read -r auc floor < <(awk -F '\t' '$3 == "*" && $4 == "auc" {
	    printf "%.3g %.3g\n", $5, $6; exit }' cmp.tsv)
	[ "$(first '<div class="tile"><b>')" = "$auc" ]
	[[ $(first '<small>') == "truth against itself: $floor;"* ]]
	awk -F '\t' '$1 == "-inf" && $2 == "inf" && $3 == "x" && $4 == "w1" {
	    printf "%.3g %.3g\n", $5, $6 }' cmp.tsv >want
	sed -n 's|^<tr><th>x</th><td class="">\([^<]*\)</td><td[^>]*>\([^<]*\).*|\1 \2|p' \
	    page.html | head -n 1 >got
	diff want got
	grep -q '<h3>W1, in std, in bins of pt</h3>' page.html
	grep -q '<h3>W1, in bins of pt</h3>' page.html
	grep -q '<tr><th>z2</th>' page.html
	grep -q '<tr><th>|z|^2</th>' page.html
}

@test "report: the card says seed, settings, rows and configuration" {
	grep -q '<dt>seed</dt><dd>7</dd>' page.html
	grep -q '<dt>truth</dt><dd>1000 rows' page.html
	grep -q '^hidden = 8' page.html
	grep -q "nftrain (nfpipe) $(nfcat --version | sed 's/.* //')" page.html
}

@test "report: correlations of ranks, by hand" {
	# Ranks of 1 5 5 9: 1, 2.5, 2.5, 4; of 2 8 4 6: 1, 4, 2, 3.
	printf '%s\n' '1 1 1' '1 5 2' '1 5 3' '1 9 4' '2 2 1' '2 4 3' \
	    '2 6 4' '2 8 2' |
	    awk -f "$repo/pipelines/report/correlate.awk" >got
	awk '$1 == 2 && $2 == 1 { d = $3 - 3 / sqrt(4.5 * 5)
	    exit !(d * d < 1e-12) }' got
	[ "$(wc -l <got)" -eq 1 ]
	printf '%s\n' '1 3 1' '1 3 2' '2 1 1' '2 2 2' |
	    awk -f "$repo/pipelines/report/correlate.awk" >got
	grep -qx '2 1 nan' got			# no spread, no correlation
}

# A picture, and a bin's place in it, by hand: truth 100 and draws 150.
@test "report: bars stand as high as their counts" {
	{
		printf 'column\tlow\thigh\tcount\terror\treference\t'
		printf 'reference_error\tratio\tratio_error\n'
		printf 'x\t0\t1\t150\t0\t100\t0\t1.5\t0\n'
		printf 'x\t1\t2\t50\t0\t100\t0\t0.5\t0\n'
	} >bins
	awk -f "$repo/pipelines/report/svg.awk" \
	    -f "$repo/pipelines/report/hist.awk" COMPARE=none bins >picture
	awk -F '"' '/<rect class="truth" x="56.0"/ { h = $10 }
	    /<polyline class="draws" points="56.0,/ {
		split($4, p, /[ ,]/); up = 226 - p[2] }
	    END { d = up / h - 1.5; exit !(d * d < 1e-4) }' picture
}

@test "report: draws of events are folded, and each gives one to the ranks" {
	nfsample -n 3 --index 'model&.nf' true.nfs >many.nfs
	nfcmp --tsv -c 2:5 true.nfs many.nfs >many.tsv
	sh "$report" -f row -p pt,x -r x,flag 'model&.nf' true.nfs many.nfs \
	    many.tsv >many.html
	grep -q 'Of 1000 rows chance' many.html
	grep -q 'x in bins of pt' many.html
	grep -q 'ROC of x for flag' many.html
	# An event whose draws all are 1 counts as one, so errors are larger.
	nfhist --tsv --fold row -c flag many.nfs |
	    awk '$2 == 1 && $3 == 1 { print $5 }' >a
	nfhist --tsv -c flag many.nfs |
	    awk '$2 == 1 && $3 == 1 { print $5 / 3 }' >b
	awk 'NR == FNR { a = $1; next } { exit !(a > 1.2 * $1) }' a b
}

@test "report: refuses what it cannot read, and wrong usage" {
	run -2 --separate-stderr sh "$report" 'model&.nf'
	[ "$stderr" = "report.sh: MODEL TRUTH DRAWS COMPARED are wanted, not \
1 names" ]
	echo nothing >other.tsv
	run -3 --separate-stderr sh "$report" 'model&.nf' true.nfs draws.nfs \
	    other.tsv
	[ "$stderr" = "report.sh: other.tsv: not what nfcmp --tsv prints" ]
	head -c 3000 draws.nfs >cut.nfs
	run --separate-stderr sh "$report" 'model&.nf' true.nfs cut.nfs cmp.tsv
	[ "$status" -ne 0 ]
	[[ $stderr == *cut.nfs* ]]
}
