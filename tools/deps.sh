#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building, running and testing need, and
# those named as arguments. Does nothing, and asks nothing, where all are there.
set -eu

packages="gcc make binutils libc6-dev nasm grub-common grub-pc-bin grub-efi-amd64-bin xorriso
mtools bochs bochsbios vgabios qemu-system-x86 ovmf python3 python3-pytest python3-pytest-xdist
libcmocka-dev libzydis-dev acpica-tools clang-14 cppcheck cpio xz-utils lz4 tmux bochs-x
tightvncserver xfonts-base $*"

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "These Debian packages are missing; install them with: apt-get install$missing" >&2
    exit 1
fi
echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $missing >/dev/null
