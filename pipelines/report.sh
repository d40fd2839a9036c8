#!/bin/sh
# usage: report.sh [OPTION]... MODEL TRUTH DRAWS COMPARED
#
# One HTML page, on standard output, that holds all it needs: draws of MODEL
# beside the truth of the same conditions, as streams, and what nfcmp --tsv
# said of both.
#
#     -t TITLE         of the page
#     -b COLUMN:N      what nfcmp's --by was
#     -l COLUMN        histogram with logarithmic bins
#     -p [log:]X,Y     profile of Y in bins of X
#     -r SCORE,TRUTH   ROC curve
#     -f EVENT         column that numbers the events of several draws
#     -n FILE          what nfcmp --normal --tsv said of the truth's latents
#     -k FILE          lines "KEY = VALUE" for the model's card
set -eu
parts=$(dirname "$0")/report
tab=$(printf '\t')

die()
{
	echo "report.sh: $1" >&2
	exit "$2"
}

title=Report by='' logs='' profiles='' rocs='' fold='' latents='' keys=''
while getopts t:b:l:p:r:f:n:k: option; do
	case $option in
	t) title=$OPTARG ;;
	b) by=$OPTARG ;;
	l) logs="$logs $OPTARG " ;;
	p) profiles="$profiles $OPTARG" ;;
	r) rocs="$rocs $OPTARG" ;;
	f) fold=$OPTARG ;;
	n) latents=$OPTARG ;;
	k) keys="$keys $OPTARG" ;;
	*) die "see the head of $0" 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 4 ] || die "MODEL TRUTH DRAWS COMPARED are wanted, not $# names" 2
model=$1 truth=$2 draws=$3 compared=$4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# draw PART [VARIABLE=VALUE]... [FILE]...: what that awk program draws.
draw()
{
	part=$1
	shift
	awk -f "$parts/svg.awk" -f "$parts/$part.awk" "$@"
}

# escape: standard input as text in HTML.
escape()
{
	sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'
}

# hist OPTION...: nfhist's numbers of draws and truth.
hist()
{
	nfhist --tsv ${fold:+--fold "$fold"} -r "$truth" "$@" "$draws"
}

# ranked COLUMNS FILE: correlations of its first rows, one draw of each.
ranked()
{
	one=$(nfcat -i "$2" | grep -x "column${tab}draw" || :)
	nfcat -t -c "$1${one:+,draw}" "$2" | awk -v one="$one" -v max="$rows" '
	    NR == 1 || one && $NF != 0 { next }
	    ++n > max { exit }
	    { for (j = 1; j <= NF - (one != ""); j++) print j, $j, n }' |
	    sort -k 1,1n -k 2,2g | awk -f "$parts/correlate.awk"
}

# list: lines as a list of columns.
list()
{
	paste -s -d , -
}

awk -F '\t' 'NR > 1 && $4 == "w1" && !seen[$3]++ { print $3 }' "$compared" \
    >"$work/targets"
nfcat -i "$truth" | sed -n "s/^column$tab//p" >"$work/all"
[ -s "$work/all" ] || exit 3
[ -s "$work/targets" ] || die "$compared: not what nfcmp --tsv prints" 3
grep -vxF -f "$work/targets" "$work/all" >"$work/names" || :
cat "$work/targets" >>"$work/names"
rows=$(nfcat -i "$truth" | sed -n "s/^rows$tab//p")
[ "$rows" -lt 10000 ] || rows=10000

cat <<END
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$(echo "$title" | escape)</title>
<style>
END
cat "$parts/style.css"
cat <<END
</style>
</head>
<body>
<h1>$(echo "$title" | escape)</h1>
<p class="lead">What a normalizing flow draws, beside the truth of the same
conditions, which it has not learned from.</p>
<nav><a href="#figures">Figures</a> <a href="#targets">Targets</a>
<a href="#correlations">Correlations</a> <a href="#conditions">Dependence on
conditions</a>
$([ -z "$latents" ] || echo '<a href="#calibration">Calibration</a>')
<a href="#training">Training</a>
<a href="#model">Model</a></nav>
<h2 id="figures">How far draws are from the truth</h2>
END
draw tables PART=head "$compared"
cat <<END
<p>Beside each figure, in grey, stands its floor: what the same formula gives
for two halves of the truth. That is what zero looks like. Shades mark what is
2, 5 and 10 times its floor.</p>
END
draw tables PART=columns "$compared"
# bins FIGURE WORDS FILE: a table of that figure in the bins of -b.
bins()
{
	[ -n "$by" ] || return 0
	echo "<h3>$2, in bins of $(echo "${by%:*}" | escape)</h3>"
	draw tables PART=bins FIGURE="$1" BY="${by%:*}" "$3"
}
bins w1_std 'W1, in std' "$compared"

cat <<END
<h2 id="targets">Targets</h2>
<p>Truth as areas, draws as lines, scaled to equal area; below, the ratio of
draws to truth, with the truth's statistical error as a band around 1. Captions
have the floor of each figure in brackets.</p>
<div class="plots">
END
while IFS= read -r column; do
	logx=
	case $logs in
	*" $column "*) logx=--logx ;;
	esac
	hist $logx -c "$column" >"$work/plot"
	draw hist COMPARE="$compared" log_x=${logx:+1} "$compared" "$work/plot"
done <"$work/targets"
echo '</div>'

echo '<h2 id="correlations">Correlations</h2>'
columns=$(list <"$work/names")
ranked "$columns" "$truth" >"$work/truth"
ranked "$columns" "$draws" >"$work/draws"
draw matrix NAMES="$work/names" TRUTH="$work/truth" ROWS="$rows" \
    TARGETS="$(wc -l <"$work/targets")" \
    "$work/names" "$work/truth" "$work/draws"

echo '<h2 id="conditions">Dependence on conditions</h2>'
echo '<div class="plots">'
for p in $profiles; do
	xy=${p#log:}
	logx=
	[ "$xy" = "$p" ] || logx=--logx
	hist $logx --profile "$xy" >"$work/plot"
	draw profile x="${xy%%,*}" y="${xy#*,}" log_x=${logx:+1} "$work/plot"
done
for r in $rocs; do
	hist --roc "$r" >"$work/plot"
	draw roc score="${r%%,*}" truth="${r#*,}" "$work/plot"
done
echo '</div>'

if [ -n "$latents" ]; then
	cat <<END
<h2 id="calibration">Calibration</h2>
<p>If the density is right for all conditions, true rows are standard normal
numbers for the flow: all latents z, and the sum of their squares. Here the
floor is what as many normal numbers would give. A model that takes no notice
of a condition looks good in the first table, and bad in the bins of that
condition.</p>
END
	draw tables PART=latents "$latents"
	bins w1 W1 "$latents"
fi

echo '<h2 id="training">Training</h2>'
nfmodel --history "$model" >"$work/history"
draw loss "$work/history"

# term NAME VALUE: a line of the card.
term()
{
	[ -z "$2" ] || printf '<dt>%s</dt><dd>%s</dd>\n' \
	    "$(echo "$1" | escape)" "$(echo "$2" | escape)"
}

# said KEY: what nfmodel says of it.
said()
{
	sed -n "s/^$1  *//p" "$work/model"
}

# notes FILE: how it was made.
notes()
{
	nfcat -i "$1" | sed -n "s/^note$tab//p" | paste -s -d ';' -
}

nfmodel "$model" >"$work/model"
echo '<h2 id="model">Model</h2>'
echo '<dl>'
term model "$model, $(wc -c <"$model") bytes"
term flow "$(said flow)"
term parameters "$(said parameters)"
term training "$(said training)"
term seed "$(nfmodel --config "$model" |
    awk -F ' *= *' '$1 == "seed" { n = $2 } END { print n + 0 }')"
term 'written by' "$(said 'written by')"
for k in $keys; do
	while IFS= read -r line; do
		term "${line%% = *}" "${line#* = }"
	done <"$k"
done
term truth "$(nfcat -i "$truth" | sed -n "s/^rows$tab//p") rows: \
$(notes "$truth")"
term draws "$(nfcat -i "$draws" | sed -n "s/^rows$tab//p") rows: \
$(notes "$draws")"
echo '</dl>'
echo '<details><summary>Columns and fitted recipe</summary><pre>'
escape <"$work/model"
echo '</pre></details>'
echo '<details><summary>Configuration</summary><pre>'
nfmodel --config "$model" | escape
echo '</pre></details>'
echo '</body>'
echo '</html>'
