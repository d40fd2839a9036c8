#!/usr/bin/env bats
# nftrain --memory: a table that is larger waits on disk, and trains as well.
load lib

setup()
{
	cd "$BATS_TEST_TMPDIR"
	export OMP_NUM_THREADS=1
	jets_cfg >s.cfg
	cat >>s.cfg <<-'END'
	[train]
	epochs = 3
	batch = 64
	schedule = constant
	END
	h5cols -n 8000 "$JETS" >j.nfs
}

# both NAME: the two files of a training as one.
both()
{
	cat "$1" "$1.last"
}

# losses MODEL: of its last epoch, training and validation.
losses()
{
	nfmodel --history "$1" | tail -n 1 | cut -f 4,5
}

@test "--memory: a larger table is on disk, which the log tells" {
	run -0 --separate-stderr nftrain -c s.cfg j.nfs
	[[ $stderr != *"on disk"* ]]
	run -0 --separate-stderr nftrain -c s.cfg --memory 400K j.nfs
	[[ ${stderr_lines[0]} == *" rows to train on, "* ]]
	[[ ${stderr_lines[1]} =~ ^"more than memory may hold (--memory): on \
disk, mixed in windows of "[0-9]+" rows"$ ]]
	n=${stderr_lines[1]##*of }
	n=${n% rows}
	[ "$((n % 64))" -eq 0 ] && [ "$n" -ge 128 ] && [ "$n" -lt 4000 ]
	run -0 --separate-stderr nftrain -q -c s.cfg --memory 400K j.nfs
	[ -z "$stderr" ]
}

@test "--memory: the same recipe, rows and nearly the same losses" {
	nftrain -q -c s.cfg -o m.nf j.nfs
	for size in 300K 400K 1000K; do
		nftrain -q -c s.cfg -o d.nf --memory $size j.nfs
		cmp <(nfmodel m.nf | grep = ) <(nfmodel d.nf | grep =)
		paste <(losses m.nf) <(losses d.nf) | awk '{
			d = $1 - $3; e = $2 - $4
			exit d * d > 0.04 || e * e > 0.04
		}'
	done
}

@test "--memory: one seed and size, one result; from a pipe, too" {
	nftrain -q -c s.cfg -o a.nf --memory 400K j.nfs
	nfcat j.nfs | nftrain -q -c s.cfg -o b.nf --memory 400K
	cmp <(both a.nf) <(both b.nf)
	nftrain -q -c s.cfg -o c.nf --memory 400K --seed 2 j.nfs
	! cmp -s a.nf c.nf
	nftrain -q -c s.cfg -o d.nf --memory 300K j.nfs
	! cmp -s a.nf d.nf
}

@test "--memory: stopped anywhere and resumed, the bytes are the same" {
	nftrain -q -c s.cfg -o a.nf --memory 400K j.nfs
	nftrain -q -c s.cfg -o b.nf --memory 400K --max-time 0.001 j.nfs
	for size in 500K 8M 2G; do	# the training knows its windows
		nftrain -q -c s.cfg -o b.nf --resume --memory $size \
		    --max-time 0.001 j.nfs
	done
	nftrain -q -c s.cfg -o b.nf --resume j.nfs
	cmp <(both a.nf) <(both b.nf)
	nftrain -q -c s.cfg -o m.nf --max-time 0.001 j.nfs
	run -1 --separate-stderr nftrain -q -c s.cfg -o m.nf --resume \
	    --memory 400K j.nfs
	[ "$stderr" = "nftrain: j.nfs: the training began with all rows in \
memory, where they no longer fit: give it more (--memory), or begin anew" ]
}

@test "--memory: weights and a validation table are there, too" {
	nfcat -t j.nfs | awk -v OFS='\t' '{
	    print $0, (NR == 1 ? "w" : 1 + NR % 3) }' | nfcat --type f32 >w.nfs
	nfcat -n 500 w.nfs >v.nfs
	for size in 4G 500K; do
		nftrain -q -c s.cfg --set data.weight=w -v v.nfs -o $size.nf \
		    --memory $size w.nfs
	done
	paste <(losses 4G.nf) <(losses 500K.nf) | awk '{
		d = $1 - $3; e = $2 - $4
		exit d * d > 0.04 || e * e > 0.04
	}'
}

@test "--memory: no room on disk is a message and status 1" {
	run -1 --separate-stderr bash -c 'ulimit -f 100; trap "" XFSZ
	    nftrain -q -c s.cfg -o x.nf --memory 400K j.nfs'
	[ "$stderr" = "nftrain: a temporary file: cannot write: File too \
large" ]
	run -1 --separate-stderr env TMPDIR=/nowhere nftrain -q -c s.cfg \
	    -o x.nf --memory 400K j.nfs
	[ "$stderr" = "nftrain: /nowhere: cannot make a temporary file: No \
such file or directory (TMPDIR says where)" ]
	[ ! -e x.nf ]
}

@test "--memory: nothing stays in TMPDIR" {
	mkdir tmp
	TMPDIR=$PWD/tmp nftrain -q -c s.cfg --memory 400K j.nfs
	[ -z "$(ls tmp)" ]
}

@test "--memory: every allocation, read and write may fail, cleanly" {
	faults_built || skip "needs NF_FAULTS"
	h5cols -n 2500 "$JETS" >few.nfs
	for site in read write alloc; do
		for ((n = 1; n < 400; n += site == alloc ? 7 : 1)); do
			run --separate-stderr env NF_FAULT=$site:$n nftrain \
			    -q -c s.cfg --set train.epochs=1 --memory 200K \
			    few.nfs
			[ "$status" -eq 0 ] && break
			[ "$status" -eq 1 ]
			[ "${#stderr_lines[@]}" -eq 1 ]
		done
		[ "$n" -gt 1 ]
		rm -f s.nf s.nf.last
	done
}
