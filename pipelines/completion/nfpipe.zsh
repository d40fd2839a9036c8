# zsh: completion of nfpipe's programs.

# The columns of a file named on the command line, and other words.
_nfpipe_columns()
{
	local w
	local -a found

	found=($@ ${(f)"$(for w in ${(Q)words[2,-1]}; do
		[[ -f $w ]] || continue
		case $w in
		(*.h5|*.hdf5) h5cols -n 0 -- $w | nfcat -i ;;
		(*.nfs) nfcat -n 0 -- $w | nfcat -i ;;
		(*.nf) nfmodel -- $w | sed -n 's/^  \([^ ]\)/column	\1/p' ;;
		esac 2>/dev/null
	done | sed -n 's/^column	\([^ ]*\).*/\1/p' | sort -u)"})
	compset -P '*,'
	compadd -S '' -a found
}
