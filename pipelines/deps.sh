#!/bin/sh
# Install the Debian packages that are missing; say nothing when none is.
# usage: deps.sh PACKAGE...
set -u

if ! command -v dpkg-query >/dev/null; then
	# Not Debian: what counts is that the compiler finds everything.
	for tool in cc pkg-config bats prove mandoc zstd; do
		command -v $tool >/dev/null || missing="${missing-} $tool"
	done
	[ -z "${missing-}" ] && exit 0
	echo "not found:$missing" >&2
	echo "this is not Debian; install what stands for: $*" >&2
	exit 1
fi

missing=
for package do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
	[ "$state" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

get="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif sudo -n true 2>/dev/null; then
	sudo="sudo -n"
else
	echo "missing:$missing" >&2
	echo "run this once, then try again:" >&2
	echo "    sudo apt-get update && sudo $get" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update && $sudo $get
