#!/usr/bin/env bash
# Runs the tests on Pythons that this machine does not have, from Debian's newest suite, in a chroot.
#
#     sudo tests/newest_pythons.sh FOLDER [VERSION ...] [-- PYTEST ARGUMENTS]
#
# FOLDER gets the chroot (700 MB) and keeps it for the next run. VERSION: 3.14 and 3.15 by default. Needs root, Debian's
# `debootstrap` and a network. DEBIAN_MIRROR names another mirror. Takes about 10 minutes for each version on two cores.
set -euo pipefail

[ $# -gt 0 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
folder=$1 versions=() arguments=()
shift
while [ $# -gt 0 ] && [ "$1" != -- ]; do versions+=("$1"); shift; done
[ $# -eq 0 ] || { shift; arguments=("$@"); }
[ ${#versions[@]} -gt 0 ] || versions=(3.14 3.15)
here=$(cd "$(dirname "$0")/.." && pwd)

inside() { chroot "$folder" "$@"; }

if [ ! -x "$folder/usr/bin/apt-get" ]; then
  debootstrap --variant=minbase sid "$folder" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
fi
cp /etc/resolv.conf "$folder/etc/resolv.conf"
packages=(ca-certificates git gcc libc6-dev libffi-dev)
for version in "${versions[@]}"; do packages+=("python$version-venv" "python$version-dev"); done
mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc"
mountpoint -q "$folder/dev" || mount --bind /dev "$folder/dev"
mountpoint -q "$folder/dev/pts" || mount --bind /dev/pts "$folder/dev/pts"  # terminals
mountpoint -q "$folder/dev/shm" || mount -t tmpfs tmpfs "$folder/dev/shm"
trap 'umount "$folder/dev/shm" "$folder/dev/pts" "$folder/dev" "$folder/proc"' EXIT
inside apt-get -o Acquire::Check-Valid-Until=false update -qq  # a mirror that lags behind will do
inside env DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "${packages[@]}" >/dev/null
[ ! -d /usr/local/share/ca-certificates ] || cp -r /usr/local/share/ca-certificates/. "$folder/usr/local/share/ca-certificates/"
inside update-ca-certificates >/dev/null

rm -rf "$folder/sdk"
git clone --quiet "$here" "$folder/sdk"
failed=()
for version in "${versions[@]}"; do
  echo "=== Python $version: $(inside "python$version" --version)"
  inside "python$version" -m venv --clear "/venv-$version"
  python=/venv-$version/bin/python
  inside "$python" -m pip install --quiet --upgrade pip
  inside env --chdir=/sdk "$python" -m pip install --quiet . --group test
  inside env --chdir=/sdk "$python" -m pytest --numprocesses auto -p no:cacheprovider "${arguments[@]}" || failed+=("$version")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed on: ${failed[*]}" >&2; exit 1; }
