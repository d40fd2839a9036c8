# A profile, from nfhist --profile X,Y --tsv with a reference: mean and
# standard deviation of Y in bins of X.  Variables: x, y, log_x.
BEGIN { FS = "\t" }

NR == 1 || !is_number($1) || !is_number($2) { next }
is_number($4) || is_number($8) {
	n++
	Low[n] = $1
	High[n] = $2
	for (i = 4; i <= 10; i++)
		Value[n, i] = $i
}

END {
	if (!n)
		exit
	discrete = 1
	for (i = 1; i <= n; i++) {
		discrete = discrete && Low[i] == High[i]
		reach(Value[i, 4], Value[i, 6], Value[i, 5])
		reach(Value[i, 8], Value[i, 10], Value[i, 9])
	}
	print "<figure>"
	svg_begin(480, 300, y " in bins of " x ": mean and spread")
	svg_text("title", 56, 18, "start", "mean of " y)
	legend(346, 8)
	if (discrete)
		axis("x", 0.5, n + 0.5, 56, 470, 0)
	else
		axis("x", Low[1], High[n], 56, 470, log_x)
	axis("y", lo - (hi - lo) / 20, hi + (hi - lo) / 20, 256, 34, 0)
	axis_y("y", 5)
	for (i = 1; i <= n; i++)
		bin(discrete ? at("x", i - 0.4) : at("x", Low[i]), \
		    discrete ? at("x", i + 0.4) : at("x", High[i]))
	if (!discrete)
		axis_x(From["y"], 6, 1)
	else {
		svg_line("axis", From["x"], From["y"], To["x"], From["y"])
		for (i = 1; i <= n; i++)
			svg_text("tick", at("x", i), From["y"] + 17, \
			    "middle", num(Low[i]))
	}
	svg_text("tick", 263, 292, "middle", x)
	svg_end()
	printf "<figcaption>Mean (truth as a dash, draws as a point) and " \
	    "standard deviation (truth as an area, draws between the dashed " \
	    "lines) of %s in bins of %s.</figcaption>\n", esc(y), esc(x)
	print "</figure>"
}

# The means and most of the spread are to be seen, not a far tail's.
function reach(mean, std, error)
{
	if (!is_number(mean))
		return
	if (!seen++)
		lo = hi = mean
	if (mean - std < lo)
		lo = mean - std
	if (mean + std > hi)
		hi = mean + std
}

function bin(x1, x2,	m, y, s)
{
	m = (x1 + x2) / 2
	if (is_number(Value[i, 8])) {
		svg_box("truth", x1, at("y", Value[i, 8] - Value[i, 10]), \
		    x2, at("y", Value[i, 8] + Value[i, 10]))
		y = at("y", Value[i, 8])
		svg_line("mean", x1, y, x2, y)
	}
	if (!is_number(Value[i, 4]))
		return
	for (s = -1; s < 2; s += 2) {
		y = at("y", Value[i, 4] + s * Value[i, 6])
		svg_line("draws dashed", x1, y, x2, y)
	}
	error_bar("draws", m, "y", Value[i, 4] - Value[i, 5], \
	    Value[i, 4] + Value[i, 5])
	svg_dot("draws", m, at("y", Value[i, 4]))
}
