# The loss of every epoch, from nfmodel --history.
BEGIN { FS = "\t" }

NR == 1 {
	for (i = 1; i <= NF; i++)
		At[$i] = i
	next
}
{
	n++
	Train[n] = $At["train_nll"]
	Valid[n] = $At["valid_nll"]
	Mean[n] = $At["valid_nll_avg5"]
	Rate[n] = $At["lr"]
	Epoch[n] = $At["epoch"]
}

END {
	if (n < 2) {
		print "<p>Fewer than two epochs make no curve.</p>"
		exit
	}
	# The first epochs fall from far above: they need not be seen whole.
	for (i = int(n / 20) + 1; i <= n; i++) {
		reach(Train[i])
		reach(Valid[i])
	}
	for (i = 1; i <= n; i++)
		if (Rate[i] > rate)
			rate = Rate[i]
	print "<figure class=\"wide\">"
	svg_begin(720, 320, "loss of training and validation, epoch by epoch")
	svg_text("title", 56, 18, "start", "loss, nats a row")
	axis("x", Epoch[1], Epoch[n], 56, 710, 0)
	axis("y", lo - (hi - lo) / 20, hi + (hi - lo) / 20, 226, 34, 0)
	axis_y("y", 5)
	svg_path("truth-line", curve(Train, "y"))
	svg_path("draws thin", curve(Valid, "y"))
	svg_path("draws", curve(Mean, "y"))
	svg_line("axis", From["x"], From["y"], To["x"], From["y"])
	key(330, "truth-line", "training")
	key(420, "draws thin", "validation")
	key(530, "draws", "validation, mean of five")
	axis("r", 0, rate * 1.1, 276, 240, 0)
	axis_y("r", 1)
	svg_path("rate", curve(Rate, "r"))
	svg_text("tick", To["x"], 236, "end", "learning rate")
	axis_x(From["r"], 8, 1)
	svg_text("tick", 383, 312, "middle", "epoch")
	svg_end()
	printf "<figcaption>Mean negative log-likelihood of training and " \
	    "validation. It does not see how well the conditions are " \
	    "learned: see the figures above.</figcaption>\n</figure>\n"
}

function key(x, class, s)
{
	svg_path(class, x ",13 " x + 18 ",13")
	svg_text("tick", x + 24, 18, "start", s)
}

function reach(v)
{
	if (!is_number(v))
		return
	if (!seen++)
		lo = hi = v
	lo = v < lo ? v : lo
	hi = v > hi ? v : hi
}

function curve(y, a,	i, points)
{
	for (i = 1; i <= n; i++)
		if (is_number(y[i]))
			points = points sprintf("%.1f,%.1f ", \
			    at("x", Epoch[i]), at(a, y[i]))
	return points
}
