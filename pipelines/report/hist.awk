# Histograms, from nfhist --tsv with a reference, each a figure.  Before that
# the file COMPARE, lines of nfcmp --tsv for the captions.  Variable: log_x.
BEGIN { FS = "\t" }

FILENAME == COMPARE {
	if ($1 == "-inf" && $2 == "inf")
		Figure[$3, $4] = say($5) " (" say($6) ")"
	next
}
FNR == 1 { next }
$1 != column {
	panel()
	column = $1
	n = outside = outside_truth = 0
	split("", Low)
}
$2 == "nan" || $2 == "-inf" && $3 == "inf" { next }
!is_number($2) || !is_number($3) {
	outside += $4
	outside_truth += $6
	next
}
{
	n++
	Low[n] = $2
	High[n] = $3
	Count[n] = $4
	Error[n] = $5
	Truth[n] = $6
	Truth_error[n] = $7
}
END { panel() }

function panel(		discrete, i)
{
	if (!n)
		return
	discrete = 1
	for (i = 1; i <= n; i++)
		discrete = discrete && Low[i] == High[i]
	print "<figure>"
	svg_begin(480, 340, column ": draws and truth, and their ratio")
	svg_text("title", 56, 18, "start", column)
	legend(346, 8)
	axis("x", discrete ? 0.5 : Low[1], discrete ? n + 0.5 : High[n], \
	    56, 470, log_x && !discrete)
	upper(discrete)
	lower(discrete)
	svg_end()
	printf "<figcaption>W1 %s std, KS %s, chi2/ndf %s%s</figcaption>\n", \
	    Figure[column, "w1_std"], Figure[column, "ks"], \
	    Figure[column, "chi2_ndf"], beyond()
	print "</figure>"
}

# What lies outside of the bins, of draws and truth.
function beyond(	all, all_truth, i)
{
	for (i = 1; i <= n; i++) {
		all += Count[i]
		all_truth += Truth[i]
	}
	if (!(outside > 0 || outside_truth > 0))
		return ""
	return sprintf("; beyond the axis %s %% (truth %s %%)", \
	    num(100 * outside / (all + outside)), \
	    num(100 * outside_truth / (all_truth + outside_truth)))
}

function left(i, discrete)
{
	return discrete ? at("x", i - 0.4) : at("x", Low[i])
}

function right(i, discrete)
{
	return discrete ? at("x", i + 0.4) : at("x", High[i])
}

function upper(discrete,	i, top, least, x1, x2, y)
{
	least = 1e300
	for (i = 1; i <= n; i++) {
		if (Count[i] + Error[i] > top)
			top = Count[i] + Error[i]
		if (Truth[i] > top)
			top = Truth[i]
		if (Truth[i] > 0 && Truth[i] < least)
			least = Truth[i]
		if (Count[i] > 0 && Count[i] < least)
			least = Count[i]
	}
	# Classes of which one is rare are seen on a logarithmic axis only.
	if (discrete && top > 20 * least)
		axis("y", least / 3, top * 1.5, 226, 34, 1)
	else
		axis("y", 0, top * 1.05, 226, 34, 0)
	axis_y("y", 4)
	for (i = 1; i <= n; i++)
		if (Truth[i] > 0)
			svg_box("truth", left(i, discrete), From["y"], \
			    right(i, discrete), at("y", Truth[i]))
	for (i = 1; i <= n; i++) {
		x1 = left(i, discrete)
		x2 = right(i, discrete)
		y = at("y", Count[i])
		if (Count[i] > 0 || !Log["y"])
			svg_path("draws", sprintf("%.1f,%.1f %.1f,%.1f", \
			    x1, y, x2, y))
		if (Count[i] > 0)
			error_bar("draws", (x1 + x2) / 2, "y", \
			    Count[i] - Error[i], Count[i] + Error[i])
	}
	svg_line("axis", From["x"], From["y"], To["x"], From["y"])
}

# The ratio; the band is the error of the truth, the bars that of the draws.
function lower(discrete,	i, x, r, e)
{
	axis("r", 0.5, 1.5, 316, 240, 0)
	axis_y("r", 2)
	for (i = 1; i <= n; i++)
		if (Truth[i] > 0) {
			e = Truth_error[i] / Truth[i]
			svg_box("band", left(i, discrete), at("r", 1 - e), \
			    right(i, discrete), at("r", 1 + e))
		}
	svg_line("axis", From["x"], at("r", 1), To["x"], at("r", 1))
	for (i = 1; i <= n; i++) {
		if (!(Truth[i] > 0))
			continue
		x = (left(i, discrete) + right(i, discrete)) / 2
		r = Count[i] / Truth[i]
		e = Error[i] / Truth[i]
		error_bar("draws", x, "r", r - e, r + e)
		svg_dot(r < 0.5 || r > 1.5 ? "draws beyond" : "draws", x, \
		    at("r", r))
	}
	if (!discrete)
		axis_x(From["r"], 6, 1)
	else
		for (i = 1; i <= n; i++)
			if (n < 13 || i % 2)
				svg_text("tick", at("x", i), From["r"] + 17, \
				    "middle", num(Low[i]))
}
