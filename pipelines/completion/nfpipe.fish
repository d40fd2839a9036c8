# fish: the columns of a file named on the command line, and other words.
function __nfpipe_columns
    set -l done (string match -r '^.*,' -- (commandline -ct | string replace -r '^--[^=]*=' ''))
    begin
        for w in $argv
            printf 'column\t%s\n' $w
        end
        for w in (commandline -opc)
            test -f "$w"; or continue
            switch $w
                case '*.h5' '*.hdf5'
                    h5cols -n 0 -- $w | nfcat -i
                case '*.nfs'
                    nfcat -n 0 -- $w | nfcat -i
                case '*.nf'
                    nfmodel -- $w | sed -n 's/^  \([^ ]\)/column\t\1/p'
            end
        end
    end 2>/dev/null | sed -n 's/^column\t\([^ ]*\).*/\1/p' | sort -u | string replace -r '^' -- "$done"
end
