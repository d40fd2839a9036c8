# Sourced by make check-gpu and bench-gpu: where CUDA's compiler, cuBLASLt and
# the driver are, in NVCC, CPATH, LIBRARY_PATH, LD_LIBRARY_PATH and PATH, and
# what code the GPU runs, in CUDA_ARCH.  A line says what is missing.  With
# NF_CUDA_LIB set, only the driver is looked for.  NF_ROOT stands for / in
# tests.
nf_root=${NF_ROOT:-}
export NF_PEER_PATH="${LD_LIBRARY_PATH:-}"	# as others want it: bench.sh

# nf_first FILE...: the first that is there.
nf_first()
{
	for nf_file; do
		[ -e "$nf_file" ] && { echo "$nf_file"; return; }
	done
	return 1
}

nf_missing()
{
	echo "no GPU code can be built: $1" >&2
	exit 1
}

# The folders of Python's packages of CUDA's parts, if there are any.
nf_python()
{
	python3 - <<-'EOF' 2>/dev/null
		import os, importlib.util as u
		s = u.find_spec("nvidia")
		for top in (s.submodule_search_locations if s else []):
		    for d, _, files in os.walk(top):
		        if "cublasLt.h" in files or any(
		                f.startswith("libcublasLt.so") for f in files):
		            print(d)
	EOF
}

nf_find_nvcc()
{
	NVCC=$(command -v "${NVCC:-nvcc}" || nf_first \
	    "${CUDA_HOME:-/nowhere}/bin/nvcc" \
	    "$nf_root"/usr/local/cuda/bin/nvcc \
	    "$nf_root"/usr/local/cuda-*/bin/nvcc \
	    "$nf_root"/opt/cuda/bin/nvcc "$nf_root"/usr/lib/cuda/bin/nvcc) ||
	    nf_missing "nvcc is not on PATH, in CUDA_HOME or \
/usr/local/cuda*; NVCC= names it"
	nf_top=$(dirname "$(dirname "$(readlink -f "$NVCC")")")
}

nf_find_cublas()
{
	nf_py=$(nf_python)
	nf_h= nf_so=
	for nf_dir in "$nf_top/include" "$nf_top"/targets/*/include \
	    "$nf_root/usr/include" $nf_py; do
		[ -e "$nf_dir/cublasLt.h" ] && { nf_h=$nf_dir; break; }
	done
	for nf_dir in "$nf_top/lib64" "$nf_top/lib" "$nf_top"/targets/*/lib \
	    "$nf_root"/usr/lib/*-linux-gnu $nf_py; do
		nf_so=$(nf_first "$nf_dir"/libcublasLt.so \
		    "$nf_dir"/libcublasLt.so.[0-9]*) && break
	done
	[ -n "$nf_h" ] || nf_missing "cublasLt.h is not in $nf_top, \
/usr/include or Python's packages (libcublas-dev has it)"
	[ -n "$nf_so" ] || nf_missing "libcublasLt.so is not in $nf_top, \
/usr/lib or Python's packages (libcublas has it)"
	mkdir -p "$BUILD/cublas"		# -lcublasLt wants the plain name
	ln -sf "$nf_so" "$BUILD/cublas/libcublasLt.so"
	case $nf_h in
	"$nf_top"/*|/usr/include) ;;
	*) export CPATH="$nf_h${CPATH:+:$CPATH}" ;;
	esac
	export LIBRARY_PATH="$BUILD/cublas${LIBRARY_PATH:+:$LIBRARY_PATH}"
	nf_run=$(dirname "$nf_so")
	export CUDA_RPATH=$nf_run
	export LD_LIBRARY_PATH="$nf_run${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
	export PATH="$PATH:$nf_top/bin"		# compute-sanitizer
}

# nf_known ARCH...: those that nvcc can make code for; all, if it says none.
nf_known()
{
	nf_list=$("$NVCC" --list-gpu-arch 2>/dev/null) || nf_list=
	for nf_arch; do
		case $nf_list in
		''|*compute_$nf_arch*) printf '%s ' "$nf_arch" ;;
		esac
	done
}

if [ -z "${NF_CUDA_LIB:-}" ]; then
	[ -e "$nf_root/dev/nvidiactl" ] || nvidia-smi >/dev/null 2>&1 || {
		echo "no GPU that can be used: no $nf_root/dev/nvidiactl" >&2
		exit 1
	}
	nf_find_nvcc
	nf_find_cublas
	CUDA_ARCH=${CUDA_ARCH:-$(nf_known $(nvidia-smi \
	    --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
	    tr -d '. ' | grep -x '[0-9]\{2,3\}' | sort -nu))}
	CUDA_ARCH=${CUDA_ARCH:-80 90}
fi
if [ -d "$nf_root/usr/local/nvidia/lib64" ]; then
	export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}\
$nf_root/usr/local/nvidia/lib64"
fi
export NVCC CUDA_ARCH NF_CUDA_LIB
[ -n "$NF_CUDA_LIB" ] || unset NF_CUDA_LIB
