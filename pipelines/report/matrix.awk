# Correlations as shaded squares.  Files, whose names are in NAMES, TRUTH and
# DRAWS: column names, of which the last TARGETS are the targets; what
# correlate.awk says of truth and of draws.
FILENAME == NAMES { Name[++n] = $0; next }
FILENAME == TRUTH { Truth[$1, $2] = Truth[$2, $1] = $3; next }
{ Draws[$1, $2] = Draws[$2, $1] = $3 }

END {
	first = n - TARGETS + 1
	side = TARGETS > 12 ? 22 : 30
	print "<figure class=\"matrix\">"
	frame(first, "rank correlations of the targets")
	for (j = first; j <= n; j++)
		for (k = first; k <= n; k++)
			if (j != k)
				cell(j, k, j < k ? Truth[j, k] : Draws[j, k], 1)
	svg_end()
	print "<figcaption>Rank correlations of the targets. Above the " \
	    "diagonal the truth, below it the draws: alike, it is its own " \
	    "mirror image.</figcaption>\n</figure>"
	print "<figure class=\"matrix\">"
	frame(1, "rank correlations, draws minus truth")
	for (j = first; j <= n; j++)
		for (k = 1; k <= n; k++)
			if (j != k)
				difference(j, k)
	svg_end()
	printf "<figcaption>Draws minus truth, of the targets (downwards) " \
	    "with conditions and targets (to the right): full colour is a " \
	    "difference of 0.2. Of %d rows chance alone makes " \
	    "differences of about %s. The largest: %s (%s).</figcaption>\n" \
	    "</figure>\n", ROWS, num(sqrt(2 / ROWS)), num(most), esc(which)
}

# Names of columns from COLUMN on above, of the targets at the left.
function frame(column, label,	j, x)
{
	base = column
	svg_begin(190 + (n - column + 1) * side + 60, 150 + TARGETS * side, \
	    label)
	for (j = first; j <= n; j++)
		svg_text("tick", 182, 146 + (j - first + 0.7) * side, "end", \
		    Name[j])
	for (j = column; j <= n; j++) {
		x = 190 + (j - column + 0.7) * side
		printf "<text class=\"tick\" transform=\"translate(%.1f,144) " \
		    "rotate(-55)\">%s</text>\n", x, esc(Name[j])
	}
}

function difference(j, k,	d)
{
	if (!is_number(Truth[j, k]) || !is_number(Draws[j, k]))
		return
	d = Draws[j, k] - Truth[j, k]
	if (d * d > most * most) {
		most = d
		which = Name[j] ", " Name[k]
	}
	cell(j, k, d, 0.2)
}

# Row J, column K: R, which has full colour at FULL.
function cell(j, k, r, full,	x, y, f)
{
	if (!is_number(r))
		return
	f = (r < 0 ? -r : r) / full
	f = f > 1 ? 1 : f
	x = 190 + (k - base) * side
	y = 150 + (j - first) * side
	printf "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" " \
	    "height=\"%d\" fill-opacity=\"%.2f\"><title>%s, %s: truth %s, " \
	    "draws %s</title></rect>\n", r < 0 ? "minus" : "plus", x, y, \
	    side - 1, side - 1, f, esc(Name[j]), esc(Name[k]), \
	    num(Truth[j, k]), num(Draws[j, k])
}
