# Correlations of ranks: lines "column value row", sorted by column and value,
# to lines "column column correlation".  Equal values share their mean rank.
$1 != column || $2 != value {
	share()
	if ($1 != column)
		place = 0
	column = $1
	value = $2
	n = 0
}
{
	Row[++n] = $3
	if ($1 + 0 > ncol)
		ncol = $1 + 0
	if ($3 + 0 > nrow)
		nrow = $3 + 0
}
END {
	share()
	for (j = 1; j <= ncol; j++)
		for (i = 1; i <= nrow; i++)
			Square[j] += Rank[j, i] ^ 2
	for (j = 1; j <= ncol; j++)
		for (k = 1; k < j; k++)
			print j, k, correlation(j, k)
}

function share(	i)
{
	for (i = 1; i <= n; i++)
		Rank[column + 0, Row[i]] = place + (n + 1) / 2
	place += n
}

function correlation(j, k,	i, s, m, d)
{
	m = (nrow + 1) / 2
	for (i = 1; i <= nrow; i++)
		s += Rank[j, i] * Rank[k, i]
	d = (Square[j] - nrow * m * m) * (Square[k] - nrow * m * m)
	return d > 0 ? (s - nrow * m * m) / sqrt(d) : "nan"
}
