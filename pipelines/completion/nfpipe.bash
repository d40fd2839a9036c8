# bash: completion of nfpipe's programs.

# The columns of a file named on the command line.
_nfpipe_columns()
{
	local w

	for w in "${COMP_WORDS[@]:1}"; do
		w=${w/#\~\//$HOME/}
		[ -f "$w" ] || continue
		case $w in
		*.h5 | *.hdf5) h5cols -n 0 -- "$w" | nfcat -i ;;
		*.nfs) nfcat -n 0 -- "$w" | nfcat -i ;;
		*.nf) nfmodel -- "$w" | sed -n 's/^  \([^ ]\)/column	\1/p' ;;
		esac 2>/dev/null
	done | sed -n 's/^column	\([^ ]*\).*/\1/p' | sort -u
}

# Files that one of the patterns fits, where there is one, and directories.
_nfpipe_files()
{
	local pattern found=

	compopt -o filenames 2>/dev/null
	for pattern; do
		found+=$(compgen -f -X "!$pattern" -- "$cur")$'\n'
	done
	[ -n "${found//$'\n'/}" ] || found=$(compgen -f -- "$cur")
	found+=$'\n'$(compgen -d -- "$cur")
	mapfile -t COMPREPLY < <(sort -u <<<"$found" | sed '/^$/d')
}

_nfpipe()
{
	local program=${COMP_WORDS[0]##*/} cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]} equals= kind= rest= all= list=
	local first=
	local p option value what keys=
	local IFS=$' \t\n'

	if [ "$cur" = = ]; then
		equals=1 cur=
	elif [ "$prev" = = ]; then
		equals=1 prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	while IFS=$'\t' read -r p option value what _; do
		if [ "$p" = nfpipe.cfg ]; then
			keys+=" $option"
		elif [ "$p" != "$program" ]; then
			:
		elif [ "$option" = @1 ]; then
			[ "$COMP_CWORD" -ne 1 ] || first=${what#words }
		elif [ "$option" = @ ]; then
			rest=$what
		else
			all+=" $option"
			[ "$option" = "$prev" ] && [ "$value$equals" != - ] &&
			    [ "$value$equals" != perhaps ] && kind=$what
		fi
	done <<<"$_nfpipe_table"
	if [ -z "$kind" ]; then
		kind=$rest
		[[ $cur != -* ]] || kind="words$all"
	fi
	COMPREPLY=()
	set -f
	set -- $kind
	set +f
	shift
	case $kind in
	files*)
		_nfpipe_files "$@"
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY \
		    < <(compgen -W "$first" -- "$cur")
		;;
	words*) list="$*" ;;
	keys) list=$keys; compopt -o nospace 2>/dev/null ;;
	columns*) list="$* $(_nfpipe_columns)" ;;
	esac
	[ -z "$list" ] || mapfile -t COMPREPLY < <(compgen -W "$list" -P \
	    "$([[ $kind$cur != columns*,* ]] || printf %s "${cur%,*},")" -- \
	    "$([[ $kind = columns* ]] && printf %s "${cur##*,}" ||
	    printf %s "$cur")")
}
