# The figures of nfcmp --tsv as HTML.  Variable PART: head, the figures of all
# columns; columns, a table of each column's; latents, one of what --normal
# says of each latent; bins, FIGURE (w1_std or w1) in bins of BY.
BEGIN { FS = "\t" }

NR == 1 { next }
{
	bin = $1 FS $2
	if (!(bin in Number)) {
		Number[bin] = nbin++
		From_[nbin - 1] = $1
		To_[nbin - 1] = $2
	}
	b = Number[bin]
	Value[b, $3, $4] = $5
	Floor[b, $3, $4] = $6
	if ($4 == "w1" && !b)
		Column[++n] = $3
}

END {
	if (PART == "head")
		head()
	if (PART == "columns")
		columns()
	if (PART == "latents")
		latents()
	if (PART == "bins" && nbin > 1)
		bins()
}

function head()
{
	print "<div class=\"tiles\">"
	tile("auc", "AUC of a classifier that tells draws from truth", "0.5")
	tile("fpd", "Fr\303\251chet distance", "0")
	tile("sliced_w1", "sliced W1, in std", "0")
	tile("correlation", "largest difference of correlations", "0")
	print "</div>"
}

function tile(figure, what, best)
{
	printf "<div class=\"tile\"><b>%s</b> <span>%s</span>" \
	    "<small>truth against itself: %s; best: %s</small></div>\n", \
	    say(Value[0, "*", figure]), what, \
	    say(Floor[0, "*", figure]), best
}

function columns(	i, c)
{
	print "<div class=\"scroll\"><table><thead><tr><th>column</th>"
	heading("W1")
	heading("W1, in std")
	heading("KS")
	print "<th>p of KS</th>"
	heading("chi2/ndf")
	heading("shift of mean, in std")
	heading("std, draws / truth")
	print "</tr></thead>"
	for (i = 1; i <= n; i++) {
		c = Column[i]
		printf "<tr><th>%s</th>", esc(c)
		pair(0, c, "w1", 0)
		pair(0, c, "w1_std", 1)
		pair(0, c, "ks", 1)
		printf "<td>%s</td>", say(Value[0, c, "ks_p"])
		pair(0, c, "chi2_ndf", 1)
		pair(0, c, "shift", 0)
		pair(0, c, "spread", 0)
		print "</tr>"
	}
	print "</table></div>"
}

function latents(	i, c)
{
	print "<div class=\"scroll\"><table><thead><tr><th>latent</th>"
	heading("W1")
	heading("KS")
	print "<th>p of KS</th>"
	heading("chi2/ndf")
	heading("mean")
	heading("std")
	print "</tr></thead>"
	for (i = 1; i <= n; i++) {
		c = Column[i]
		printf "<tr><th>%s</th>", esc(c)
		pair(0, c, "w1", 1)
		pair(0, c, "ks", 1)
		printf "<td>%s</td>", say(Value[0, c, "ks_p"])
		pair(0, c, "chi2_ndf", 1)
		pair(0, c, "mean", 0)
		pair(0, c, "std", 0)
		print "</tr>"
	}
	print "</table></div>"
}

function heading(s)
{
	printf "<th colspan=\"2\">%s</th>", esc(s)
}

# A figure and its floor, shaded by how much it is above that.
function pair(b, c, figure, shade,	v, f, class)
{
	v = Value[b, c, figure]
	f = Floor[b, c, figure]
	if (shade && is_number(v) && is_number(f) && f > 0)
		class = v > 10 * f ? "q3" : v > 5 * f ? "q2" : \
		    v > 2 * f ? "q1" : ""
	printf "<td class=\"%s\">%s</td><td class=\"floor\">%s</td>", \
	    class, say(v), say(f)
}

function bins(	i, b)
{
	print "<div class=\"scroll\"><table>"
	printf "<thead><tr><th>%s</th>", esc(BY)
	for (b = 1; b < nbin; b++)
		heading(bound(From_[b]) " to " bound(To_[b]))
	print "</tr></thead>"
	for (i = 1; i <= n; i++) {
		printf "<tr><th>%s</th>", esc(Column[i])
		for (b = 1; b < nbin; b++)
			pair(b, Column[i], FIGURE, 1)
		print "</tr>"
	}
	for (b = 1; (1, "*", "auc") in Value && b < nbin; b++) {
		if (b == 1)
			printf "<tr><th>AUC of all</th>"
		pair(b, "*", "auc", 0)
		if (b == nbin - 1)
			print "</tr>"
	}
	print "</table></div>"
}

function bound(v)
{
	return is_number(v) ? num(v) : (v ~ /-/ ? "\342\210\222" : "") \
	    "\342\210\236"
}
