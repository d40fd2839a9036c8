# The options of programs, from their pages: a line for each with, separated
# by tabs, program, option (@: what is no option; @1: words that may stand in
# the place of the first of these), whether it has a value (-,
# value, or perhaps), what the value can be, and a text.  The value is one of
# words; a column, or one of words behind that; a key of the configuration;
# a file, with one of these patterns; or free.  A key has a line too.

# What a metavariable stands for.
function kind(meta)
{
	if (meta ~ /^[a-z0-9]+(\|[a-z0-9]+)+$/) {
		gsub(/\|/, " ", meta)
		return "words " meta
	}
	if (meta ~ /^COLUMNS\|/) {
		gsub(/\|/, " ", meta)
		return "columns" substr(meta, 8)
	}
	if (meta == "DEVICE")
		return "words auto cpu cuda"
	if (meta == "PRECISION")
		return "words fp32 tf32 bf16"
	if (meta ~ /^(COLUMNS?|EVENT|WEIGHT|X,Y|SCORE,TRUTH.*|COLUMN[:=].*)$/)
		return "columns"
	if (meta ~ /^SECTION.KEY/)
		return "keys"
	if (meta ~ /^FILE\.[a-z0-9]+$/)
		return "files *" substr(meta, 5)
	if (meta == "MODEL")
		return "files *.nf"
	if (meta == "IMAGE")
		return "files *.png *.svg *.pdf"
	if (meta == "CHECKPOINT")
		return "files *.pt *.pth"
	if (meta ~ /^(VALIDATION|REFERENCE|STREAM|A|B)$/)
		return "files *.nfs"
	if (meta !~ /^(FILE|\.\.\.)$/)
		return "free"
	if (program ~ /^h5/)
		return "files *.h5 *.hdf5"
	return program == "nfcat" ? "files" : "files *.nfs"
}

# Text without macros.
function plain(s,	w)
{
	if (split(s, w, " ") > 2 && w[1] == ".Xr")
		return w[2] "(" w[3] ")"
	sub(/^\.Fl /, "-", s)
	gsub(/ (Ar|Ns|Op|Fl|Cm|Pa)( (Ar|Ns|Op|Fl|Cm|Pa))*/, "", s)
	sub(/^\.[A-Z][a-z] /, "", s)
	gsub(/\\&|\\,/, "", s)
	gsub(/\\-/, "-", s)
	gsub(/'/, "\342\200\231", s)
	gsub(/["`\\]/, "", s)
	gsub(/ +[.,]( |$)/, "", s)
	return s
}

# What stands in the options of an item; they share their value.
function item(	k, n, need, meta)
{
	n = 0
	need = "-"
	meta = ""
	for (k = 2; k <= NF; k++)
		if ($k == "Fl")
			name[++n] = "-" $(k + 1)
		else if ($k == "Ar" && need == "-") {
			need = "value"
			if ($(k - 2) == "=" && $(k - 3) == "Op")
				need = "perhaps"
			for (; k <= NF && $k != "," ||
			    $(k + 1) == "Ns" || $(k + 1) == "Ar"; k++)
				if ($k !~ /^(Ar|Ns|Op)$/)
					meta = meta $k
			k--
		}
	nname = n
	value = need
	what = need == "-" ? "-" : kind(meta)
}

function flush(	k)
{
	sub(/\. .*/, "", text)
	sub(/\.$/, "", text)
	if (length(text) > 60) {
		text = substr(text, 1, 58)
		sub(/[,;]? [^ ]*$/, " ..", text)
	}
	for (k = 1; k <= nname; k++)
		print program, name[k], value, what, text
	nname = 0
	text = ""
}

# What is no option may stand anywhere: all that can, in one line.
function positional(meta,	k, n, w)
{
	k = kind(meta)
	if (k == "files")
		any = 1
	n = split(k, w, " ")
	for (; n > 1 && w[1] == "files"; n--)
		if (index(files " ", " " w[n] " ") == 0)
			files = files " " w[n]
}

function end(	k)
{
	flush()
	part = ""
	if (program == "" || program == "nfpipe.cfg") {
		program = ""
		return
	}
	print program, "--help", "-", "-", "Print the options"
	print program, "--version", "-", "-", "Print the version"
	if (commands != "")
		print program, "@1", "-", "words" commands, ""
	print program, "@", "-", "files" (any ? "" : files), ""
	program = files = any = commands = ""
}

BEGIN { OFS = "\t" }
FNR == 1 { end() }
/^\.Nm / && program == "" && section == "NAME" { program = $2 }
/^\.Sh / { section = substr($0, 5) }
section == "SYNOPSIS" && /^\.Cm [a-z]+$/ { commands = commands " " $2 }
section == "SYNOPSIS" && /^\.(Op )?Ar/ {
	for (k = 2; k <= NF; k++)
		if ($k != "Ar")
			positional($k)
	if ($NF ~ /Ar$/)
		positional("...")
}
section != "DESCRIPTION" { next }
/^\.Ss \[/ { part = substr($2, 2, length($2) - 2) }
/^\.Ss \[prep\]/ { part = "" }
program == "nfpipe.cfg" {
	if (part != "" && /^\.It Cm/)
		print program, part "." $3, "value", "free", ""
	next
}
/^\.It Fl / { flush(); item(); reading = 1; next }
/^\.(It|El|Pp|Sh|Ss|Bl|Bd)/ { flush(); reading = 0; next }
reading && nname > 0 {
	text = text (text == "" ? "" : " ") plain($0)
	if (/\.$/)
		reading = 0
}
END { end() }
