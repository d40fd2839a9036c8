#!/bin/sh
# usage: completion.sh TO
# Put completions for bash, zsh and fish below TO, from the programs' pages.
set -eu
to=$1/share
here=$(dirname "$0")/completion
man=$(dirname "$0")/../man
bash=$to/bash-completion/completions zsh=$to/zsh/site-functions
fish=$to/fish
mkdir -p "$bash" "$zsh" "$fish/vendor_completions.d" \
    "$fish/vendor_functions.d"

table=$(awk -f "$here/table.awk" "$man"/*.1 "$man/nfpipe.cfg.5")
programs=$(printf '%s\n' "$table" | cut -f 1 | grep -v '^nfpipe' | sort -u |
    tr '\n' ' ')
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT
printf '%s\n' "$table" >"$scratch"

{
	cat "$here/nfpipe.bash"
	printf "\n_nfpipe_table='\n%s'\n\n" "$table"
	echo "complete -F _nfpipe $programs"
} >"$bash/nfpipe"
{
	echo "#compdef $programs"
	cat "$here/nfpipe.zsh"
	echo
	awk -f "$here/zsh.awk" "$scratch" "$scratch"
} >"$zsh/_nfpipe"
cp "$here/nfpipe.fish" "$fish/vendor_functions.d/__nfpipe_columns.fish"
for program in $programs; do
	ln -sf nfpipe "$bash/$program"
	awk -v program="$program" -f "$here/fish.awk" "$scratch" "$scratch" \
	    >"$fish/vendor_completions.d/$program.fish"
done
