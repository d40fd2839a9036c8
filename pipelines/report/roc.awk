# A ROC curve, from nfhist --roc SCORE,TRUTH --tsv with a reference.
# Variables: score, truth.
BEGIN { FS = "\t"; least = 1 }

NR == 1 || !is_number($2) || !is_number($4) { next }
{
	n++
	for (i = 2; i <= 5; i++)
		Share[n, i] = $i
	if ($3 > 0 && $3 < least)
		least = $3
	if ($5 > 0 && $5 < least)
		least = $5
}

END {
	if (n < 2)
		exit
	print "<figure>"
	svg_begin(480, 300, "ROC of " score " for " truth)
	svg_text("title", 56, 18, "start", score)
	legend_lines(346, 8)
	axis("x", 0, 1, 56, 470, 0)
	axis("y", least < 1e-4 ? 1e-4 : least, 1, 256, 34, 1)
	axis_y("y", 5)
	svg_path("truth-line", curve(4, 5))
	svg_path("draws", curve(2, 3))
	axis_x(From["y"], 5, 1)
	svg_text("tick", 263, 292, "middle", "efficiency for " truth)
	svg_end()
	printf "<figcaption>Share of all others that pass (upwards) against " \
	    "the share of %s that does, as a cut on %s falls. Area: truth " \
	    "%s, draws %s.</figcaption>\n", esc(truth), esc(score), \
	    num(area(4, 5)), num(area(2, 3))
	print "</figure>"
}

function legend_lines(x, y)
{
	svg_path("truth-line", x "," y + 5 " " x + 18 "," y + 5)
	svg_text("tick", x + 24, y + 10, "start", "truth")
	svg_path("draws", x + 66 "," y + 5 " " x + 84 "," y + 5)
	svg_text("tick", x + 90, y + 10, "start", "draws")
}

# Points of a curve: those that a pixel tells apart.
function curve(s, b,	i, x, y, was, points)
{
	for (i = 1; i <= n; i++) {
		if (!(Share[i, b] > 0))
			continue
		x = at("x", Share[i, s])
		y = at("y", Share[i, b])
		if (int(x) " " int(y) == was)
			continue
		was = int(x) " " int(y)
		points = points sprintf("%.1f,%.1f ", x, y)
	}
	return points
}

# Signal passes where the background does not: the area above the curve.
function area(s, b,	i, sum)
{
	for (i = 2; i <= n; i++)
		sum += (Share[i, b] - Share[i - 1, b]) * \
		    (Share[i, s] + Share[i - 1, s]) / 2
	return sum
}
