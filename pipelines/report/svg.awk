# Pictures in SVG: axes, and what is drawn between them.  Colours are classes
# of style.css, so that a page can be light or dark.  W and H are a picture's
# size; a point is x, y in pixels from the upper left corner.

# esc TEXT: as it stands in HTML.
function esc(s)
{
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	gsub(/"/, "\\&quot;", s)
	return s
}

function is_number(s)
{
	return s !~ /nan|inf|^$/
}

# num X: to three digits, with a true minus.
function num(x,		s)
{
	s = sprintf(x >= 1000 && x < 1e5 || x <= -1000 && x > -1e5 ? \
	    "%.0f" : "%.3g", x)
	sub(/e[+]0*/, "e", s)
	sub(/e-0*/, "e-", s)
	gsub(/-/, "\342\210\222", s)
	return s
}

# say V: what a figure is, if it is known.
function say(v)
{
	return is_number(v) ? num(v) : "\342\200\223"
}

function svg_begin(width, height, label)
{
	W = width
	H = height
	printf "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" " \
	    "aria-label=\"%s\">\n", W, H, W, esc(label)
}

function svg_end()
{
	print "</svg>"
}

function svg_line(class, x1, y1, x2, y2)
{
	printf "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" " \
	    "y2=\"%.1f\"/>\n", class, x1, y1, x2, y2
}

# A rectangle from one corner to the opposite one.
function svg_box(class, x1, y1, x2, y2)
{
	printf "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" " \
	    "height=\"%.1f\"/>\n", class, x1 < x2 ? x1 : x2, \
	    y1 < y2 ? y1 : y2, x1 < x2 ? x2 - x1 : x1 - x2, \
	    y1 < y2 ? y2 - y1 : y1 - y2
}

function svg_dot(class, x, y)
{
	printf "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>\n", \
	    class, x, y
}

# A path: its points, as "x,y x,y".
function svg_path(class, points)
{
	if (points != "")
		printf "<polyline class=\"%s\" points=\"%s\"/>\n", class, points
}

# ANCHOR is start, middle or end.
function svg_text(class, x, y, anchor, s)
{
	printf "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" " \
	    "text-anchor=\"%s\">%s</text>\n", class, x, y, anchor, esc(s)
}

# axis A LO HI FROM TO LOG: values LO to HI of axis A lie FROM to TO.
function axis(a, lo, hi, from, to, log_)
{
	if (!(hi > lo)) {
		lo -= lo < 0 ? -lo / 2 : lo / 2 + 0.5
		hi += hi < 0 ? -hi / 2 : hi / 2 + 0.5
	}
	Log[a] = log_
	Lo[a] = log_ ? log(lo) : lo
	Hi[a] = log_ ? log(hi) : hi
	From[a] = from
	To[a] = to
}

# at A V: where on axis A the value V lies, at an end if it is beyond.
function at(a, v)
{
	if (Log[a])
		v = v > 0 ? log(v) : Lo[a]
	v = v < Lo[a] ? Lo[a] : v > Hi[a] ? Hi[a] : v
	return From[a] + (v - Lo[a]) / (Hi[a] - Lo[a]) * (To[a] - From[a])
}

# ticks A N: sets Tick[1], .. to about N round values of axis A.
function ticks(a, n,	step, v, k, ten)
{
	k = 0
	if (Log[a]) {
		ten = int((Hi[a] - Lo[a]) / log(10) / n) + 1
		v = int(Lo[a] / log(10) + 1000 + 1 - 1e-9) - 1000
		for (; v * log(10) <= Hi[a] + 1e-9; v += ten)
			Tick[++k] = exp(v * log(10))
		if (k > 1)
			return k
		k = 0
	}
	step = Log[a] ? exp(Hi[a]) - exp(Lo[a]) : Hi[a] - Lo[a]
	ten = exp(int(log(step / n) / log(10) + 1000) * log(10) - \
	    1000 * log(10))
	step = step / n > 5 * ten ? 10 * ten : step / n > 2 * ten ? 5 * ten : \
	    step / n > ten ? 2 * ten : ten
	v = (Log[a] ? exp(Lo[a]) : Lo[a]) / step
	v = int(v + (v > 0 ? 1 - 1e-9 : 1e-9)) * step
	for (; v <= (Log[a] ? exp(Hi[a]) : Hi[a]) + step / 1e6; v += step)
		Tick[++k] = v > -step / 1e6 && v < step / 1e6 ? 0 : v
	return k
}

# axis_x Y N LABELS: axis x, drawn at height Y.
function axis_x(y, n, labels,	i, x)
{
	svg_line("axis", From["x"], y, To["x"], y)
	n = ticks("x", n)
	for (i = 1; i <= n; i++) {
		x = at("x", Tick[i])
		svg_line("axis", x, y, x, y + 4)
		if (labels)
			svg_text("tick", x, y + 17, "middle", num(Tick[i]))
	}
}

# axis_y A N: axis A upwards at the left end of axis x, with a grid.
function axis_y(a, n,	i, y)
{
	n = ticks(a, n)
	for (i = 1; i <= n; i++) {
		y = at(a, Tick[i])
		svg_line("grid", From["x"], y, To["x"], y)
		svg_text("tick", From["x"] - 6, y + 4, "end", num(Tick[i]))
	}
	svg_line("axis", From["x"], From[a], From["x"], To[a])
}

# error_bar CLASS X A LO HI: where some of it is to be seen on axis A.
function error_bar(class, x, a, lo, hi)
{
	if (hi > Lo[a] && lo < Hi[a])
		svg_line(class, x, at(a, lo), x, at(a, hi))
}

# legend X Y: what truth and draws look like.
function legend(x, y)
{
	svg_box("truth", x, y, x + 18, y + 10)
	svg_text("tick", x + 24, y + 10, "start", "truth")
	svg_path("draws", x + 66 "," y + 5 " " x + 84 "," y + 5)
	svg_text("tick", x + 90, y + 10, "start", "draws")
}
