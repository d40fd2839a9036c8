# One program's part of the table as fish's complete wants it.
function candidates(what,	w, n, k, s)
{
	n = split(what, w, " ")
	for (k = 2; k <= n; k++)
		s = s " " w[k]
	if (w[1] == "words")
		return " -x -a '" substr(s, 2) "'"
	if (w[1] == "columns")
		return " -x -a '(__nfpipe_columns" s ")'"
	if (w[1] == "keys")
		return " -x -a '" substr(keys, 2) "'"
	if (w[1] == "free")
		return " -x"
	s = ""
	for (k = 2; k <= n; k++)
		s = s (k > 2 ? "; " : "") "__fish_complete_suffix " \
		    substr(w[k], 2)
	return n > 1 ? " -k -x -a '(" s ")'" : " -F"
}

BEGIN { FS = "\t" }
FNR == NR {
	if ($1 == "nfpipe.cfg")
		keys = keys " " $2 "="
	next
}
$1 != program { next }
$2 == "@1" {
	sub(/^words /, "", $4)
	printf "complete -c %s -n __fish_use_subcommand -a '%s'\n", $1, $4
	next
}
{
	printf "complete -c %s", $1
	if ($2 ~ /^--/)
		printf " -l %s", substr($2, 3)
	else if ($2 != "@")
		printf " -s %s", substr($2, 2)
	if ($3 == "value" || $2 == "@") {
		rest = candidates($4)
		if ($2 == "@")
			sub(/ -x/, "", rest)
		printf "%s%s", rest, $2 != "@" && rest == " -F" ? " -r" : ""
	}
	print $5 == "" ? "" : " -d '" $5 "'"
}
