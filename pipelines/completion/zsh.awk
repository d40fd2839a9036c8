# The table as zsh's _arguments want it.
function action(what,	w, n, k, s)
{
	n = split(what, w, " ")
	for (k = 2; k <= n; k++)
		s = s " " w[k]
	if (w[1] == "words")
		return "value:(" substr(s, 2) ")"
	if (w[1] == "columns")
		return "columns: _nfpipe_columns" s
	if (w[1] == "keys")
		return "key:(" substr(keys, 2) ")"
	if (w[1] == "free")
		return "value: "
	return n > 1 ? "file:_files -g \"" substr(s, 2) "\"" : "file:_files"
}

BEGIN { FS = "\t" }
FNR == NR {
	if ($1 == "nfpipe.cfg")
		keys = keys " " $2 "="
	next
}
$1 == "nfpipe.cfg" { next }
$1 != program {
	if (program != "")
		print "\t;;"
	else
		print "case $service in"
	program = $1
	print "(" program ")\n\t_arguments -S \\"
}
$2 == "@1" {
	sub(/^words /, "", $4)
	commands = $4
	next
}
$2 == "@" && commands != "" {
	what = action($4)
	gsub(/"/, "\\\"", what)
	printf "\t    '1:first:_alternative \"command:command:(%s)\" " \
	    "\"file:%s\"' \\\n", commands, what
	commands = ""
}
$2 == "@" { printf "\t    '*:%s'\n", action($4); next }
{
	gsub(/:/, "\\:", $5)
	gsub(/\[/, "\\[", $5)
	gsub(/\]/, "\\]", $5)
	mark = $2 !~ /^--/ ? "+" : "="
	if ($3 == "-")
		printf "\t    '%s[%s]' \\\n", $2, $5
	else if ($3 == "perhaps")
		printf "\t    '%s%s-[%s]::%s' \\\n", $2, mark, $5, action($4)
	else
		printf "\t    '%s%s%s[%s]:%s' \\\n",
		    $4 == "keys" ? "*" : "", $2, mark, $5, action($4)
}
END { print "\t;;\nesac" }
