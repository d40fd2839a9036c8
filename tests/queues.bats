#!/usr/bin/env bats
# Jobs for batch queues, run by stand-ins for the queues' commands: training
# outlives a preemption, and draws of an array are those of one job.
load lib

# fake NAME: a program of that name, from standard input, goes before others.
fake()
{
	mkdir -p bin
	{ echo '#!/bin/bash'; cat; } >"bin/$1"
	chmod +x "bin/$1"
}

setup()
{
	cd "$BATS_TEST_TMPDIR"
	export PATH=$PWD/bin:$PATH NFPIPE=$repo/pipelines
	h5cols -n 2001 "$JETS" | h5save -o data.h5
	cat >small.cfg <<-'END'
	[data]
	context = GenJet_*
	target = Jet_ptRatio, Jet_jetId
	[prep]
	Jet_jetId = levels 0 2 6
	[flow]
	steps = 2
	hidden = 8
	blocks = 1
	bins = 4
	[train]
	epochs = 8
	batch = 100
	END
}

# A Slurm of one node.  It runs a copy of the script, in the order of jobs,
# with what its #SBATCH lines and its options say; a job that asks for a
# signal gets it once, when it has trained for two epochs; then it is run
# again if it asked for that.
slurm()
{
	fake scontrol <<-'END'
	[ "$1" = requeue ] && touch "requeue.$2"
	END
	fake sbatch <<-'END'
	array= after=
	while [[ $1 == --* ]]; do
		case $1 in
		--array=*) array=${1#*=} ;;
		--dependency=afterok:*) after=${1#*:} ;;
		esac
		shift
	done
	id=$(($(cat last 2>/dev/null || echo 100) + 1))
	echo "$id" >last
	[ -z "$after" ] || [ -e "done.$after" ] || exit 1
	cp "$1" "spool.$id"
	script=$1
	shift
	option() { sed -n "s/^#SBATCH --$1=//p" "$script"; }
	export SLURM_JOB_ID=$id SLURM_CPUS_PER_TASK=$OMP_NUM_THREADS
	status=0
	if [ -n "$array" ]; then
		for i in $(tr , '\n' <<<"$array" | sed 's/-/ /' |
		    while read -r a b; do seq "$a" "${b:-$a}"; done | shuf); do
			SLURM_ARRAY_TASK_ID=$i bash "./spool.$id" "$@" \
			    >"log.$id.$i" 2>&1 || status=1
		done
	elif [ -n "$(option signal)" ]; then
		bash "./spool.$id" "$@" >"log.$id" 2>&1 &
		until grep -q '^epoch 2/' "log.$id"; do
			kill -0 $! 2>/dev/null || break
			sleep 0.02
		done
		kill -TERM $! 2>/dev/null
		wait $! || status=$?
		if [ -e "requeue.$id" ]; then
			bash "./spool.$id" "$@" >"log.$id.again" 2>&1
			status=$?
		fi
	else
		bash "./spool.$id" "$@" >"log.$id" 2>&1 || status=$?
	fi
	[ "$status" -ne 0 ] || touch "done.$id"
	echo "$id"
	exit "$status"
	END
}

# whole: what a training that nothing stops ends with.
whole()
{
	make -s -f "$NFPIPE/jets.mk" OUT=whole DATA=data.h5 CFG=small.cfg \
	    DEVICE=cpu EPOCHS="$1" train >/dev/null 2>&1
}

@test "slurm: a training that is preempted goes on, to the same end" {
	whole 150
	slurm
	sbatch "$NFPIPE/slurm/train.sbatch" jets OUT=out DATA=data.h5 \
	    CFG=small.cfg DEVICE=cpu EPOCHS=150
	[ -e done.101 ]
	[ -e requeue.101 ]
	! grep -q '^epoch 1/' log.101.again
	grep -q '^epoch 150/' log.101.again
	cmp whole/model.nf out/model.nf
}

@test "slurm: an array's draws, joined, are those of one job" {
	whole 1
	h5cols data.h5 | nfsample --seed 5 whole/model.nf | nfcat >want
	slurm
	NFSAMPLE='--seed 5' sh "$NFPIPE/slurm/sample.sh" 4 flash.nfs \
	    whole/model.nf data.h5 >ids
	[ "$(wc -l <ids)" -eq 1 ]
	nfcat want | cmp - <(nfcat flash.nfs)
	[ -z "$(find . -name 'flash.nfs.*')" ]
	NFSAMPLE='--seed 5' sh "$NFPIPE/slurm/sample.sh" 1 one.nfs \
	    whole/model.nf data.h5 >ids
	cmp one.nfs flash.nfs
}

@test "slurm: one part failed: nothing is joined; that part is drawn again" {
	whole 1
	slurm
	cp whole/model.nf m.nf
	mkdir flash.nfs.2-of-4.tmp		# where part 2 would go
	run ! --separate-stderr sh "$NFPIPE/slurm/sample.sh" 4 flash.nfs \
	    m.nf data.h5
	[ ! -e flash.nfs ]
	rmdir flash.nfs.2-of-4.tmp
	sbatch --array=2 "$NFPIPE/slurm/sample.sbatch" 4 flash.nfs m.nf data.h5
	sbatch "$NFPIPE/slurm/join.sbatch" 4 flash.nfs
	sh "$NFPIPE/shard.sh" draw 0 1 one m.nf data.h5
	nfcat one.0-of-1 | cmp - flash.nfs
}

# A Condor that starts jobs in a directory of their own, with the files that
# they ask for, and brings back those that they name.  It evicts the first
# start of a job with a checkpoint_exit_code, when it has trained for two
# epochs.
condor()
{
	fake condor_submit <<-'END'
	file=${!#}
	declare -A m
	expand() {
		local s=$1 k v
		while [[ $s =~ \$(BASENAME)?\(([A-Za-z_]+)\) ]]; do
			v=${m[${BASH_REMATCH[2]}]}
			[ -z "${BASH_REMATCH[1]}" ] || v=$(basename "$v")
			s=${s/"${BASH_REMATCH[0]}"/$v}
		done
		echo "$s"
	}
	while read -r k e v; do
		[[ $e == = ]] && m[$k]=$v
	done < <(grep -v '^#' "$file")
	for a in "${@:1:$#-1}"; do
		m[${a%%=*}]=${a#*=}
	done
	n=$(expand "$(sed -n 's/^queue *//p' "$file")")
	start() {		# in a scratch directory: its status
		local f
		for f in $(expand "${m[transfer_input_files]}" | tr , ' '); do
			cp -r "$f" "$scratch"
		done
		cp "$(expand "${m[executable]}")" "$scratch/condor_exec.exe"
		[ ! -d spool ] || cp -r spool/. "$scratch"
		eval "args=($(expand "${m[arguments]}" | sed 's/^"//; s/"$//'))"
		eval "env=($(expand "${m[environment]}" | sed 's/^"//; s/"$//'))"
		(cd "$scratch" && exec env "${env[@]}" ./condor_exec.exe \
		    "${args[@]}" >out 2>err) &
		job=$!
		if [ -n "${m[checkpoint_exit_code]}" ] && [ ! -d spool ]; then
			until grep -q '^epoch 2/' "$scratch/err"; do
				kill -0 $job 2>/dev/null || break
				sleep 0.02
			done 2>/dev/null
			kill -TERM $job 2>/dev/null
		fi
		wait $job
	}
	status=0
	for ((p = 0; p < ${n:-1}; p++)); do
		m[Process]=$p
		if [ "${m[universe]}" = local ]; then
			eval "args=($(expand "${m[arguments]}" | tr -d '"'))"
			"$(expand "${m[executable]}")" "${args[@]}" || status=1
			continue
		fi
		while :; do
			scratch=$(mktemp -d "$PWD/scratch.XXXXXX")
			start
			s=$?
			what=${m[transfer_output_files]}
			[ "$s" != "${m[checkpoint_exit_code]}" ] ||
			    what=${m[transfer_checkpoint_files]}
			to=.
			[ "$s" != "${m[checkpoint_exit_code]}" ] || to=spool
			mkdir -p "$to"
			cp -r "$scratch/$(expand "$what")" "$to"
			cat "$scratch/err" >>errors
			[ "$s" = "${m[checkpoint_exit_code]}" ] || break
		done
		[ "$s" -eq 0 ] || status=1
	done
	exit $status
	END
}

@test "condor: a training that is evicted goes on elsewhere, to the same end" {
	whole 150
	condor
	condor_submit out=study names=data.h5 files=data.h5,small.cfg \
	    make='CFG=small.cfg DEVICE=cpu EPOCHS=150' \
	    cpus="$OMP_NUM_THREADS" NFPIPE="$NFPIPE" \
	    "$NFPIPE/htcondor/train.sub"
	[ -d spool ]
	[ "$(grep -c '^epoch 1/' errors)" -eq 1 ]
	[ "$(grep -c '^epoch 150/' errors)" -eq 1 ]
	cmp whole/model.nf study/model.nf
}

@test "condor: the parts of a cluster, joined, are the draws of one job" {
	whole 1
	cp whole/model.nf model.nf
	condor
	condor_submit shards=3 model=whole/model.nf names=data.h5 \
	    files=data.h5 NFPIPE="$NFPIPE" "$NFPIPE/htcondor/sample.sub"
	[ "$(ls flash.nfs.*-of-3 | wc -l)" -eq 3 ]
	condor_submit shards=3 NFPIPE="$NFPIPE" "$NFPIPE/htcondor/join.sub"
	sh "$NFPIPE/shard.sh" draw 0 1 one model.nf data.h5
	nfcat one.0-of-1 | cmp - flash.nfs
	for f in $(awk '$1 == "JOB" { print $3 }' \
	    "$NFPIPE/htcondor/sample.dag"); do
		[ -e "$NFPIPE/htcondor/$f" ]
	done
}

@test "batch.sh: status of the command, or 85 once all have ended" {
	run -0 sh "$NFPIPE/batch.sh" true
	run -7 sh "$NFPIPE/batch.sh" sh -c 'exit 7'
	# The one that was started last takes its time to end.
	cat >slow <<-'END'
	sh -c 'trap "sleep 0.3; echo whole >kept; exit 1" TERM
	    echo >begun; while :; do sleep 0.05; done' &
	wait
	END
	sh "$NFPIPE/batch.sh" sh ./slow &
	job=$!
	until [ -e begun ]; do sleep 0.02; done
	kill -TERM $job
	status=0
	wait $job || status=$?
	[ "$status" -eq 85 ]
	[ "$(cat kept)" = whole ]
	rm begun
	run -85 timeout 20 sh "$NFPIPE/batch.sh" -t 1 sh ./slow
}

@test "jobs: the shells and shellcheck find nothing wrong" {
	local f

	for f in "$NFPIPE"/*.sh "$NFPIPE"/slurm/*; do
		bash -n "$f"
		command -v shellcheck >/dev/null || continue
		case $f in
		*/install.sh | */deps.sh) ;;
		*) shellcheck "$f" ;;
		esac
	done
	run -2 sh "$NFPIPE/shard.sh"
	[ "${lines[0]}" = \
	    "usage: shard.sh draw I N OUT MODEL FILE.h5..." ]
	run -2 sh "$NFPIPE/slurm/sample.sh" 4
}

@test "batch.sh: it ends when every process of it is told to stop" {
	local pid

	sh "$NFPIPE/batch.sh" sh -c 'trap "exit 7" TERM
	    : >started; while :; do sleep 0.1; done' 3>&- &
	pid=$!
	until [ -e started ]; do sleep 0.1; done
	kill -s TERM $(cat "/proc/$pid/task/$pid/children") "$pid"
	timeout 30 tail --pid="$pid" -f /dev/null || { kill -9 "$pid"; false; }
	run -85 wait "$pid"
}
