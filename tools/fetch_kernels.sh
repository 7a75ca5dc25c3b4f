#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches kernels that nobody here wrote out of Debian's own packages, for the
# tests: memory testers that are bzImages, with a 64-bit entry and without; GRUB
# itself as a Multiboot kernel; and iPXE, which only a BIOS can start. Nothing is
# installed on this machine.
#
#   tools/fetch_kernels.sh DIRECTORY
#       -> DIRECTORY/memtest86+ia32.bin, memtest86+x64.bin, grub.elf, ipxe.lkrn
set -eu

packages="memtest86+ ipxe grub-coreboot-bin"

mkdir -p "$1/debs"
target=$(cd "$1" && pwd)

if [ -z "$(apt-cache policy memtest86+ 2>/dev/null)" ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
fi
cd "$target/debs"
rm -rf ./*.deb root
# shellcheck disable=SC2086 # a list of words
apt-get download -qq $packages 2>download.log || {
    cat download.log >&2
    echo "could not download: $packages" >&2
    exit 1
}
for package in ./*.deb; do
    dpkg-deb -x "$package" root
done
cp root/boot/memtest86+ia32.bin root/boot/memtest86+x64.bin root/boot/ipxe.lkrn "$target"

# Debian has no modules for GRUB's platform "multiboot"; the image for coreboot is
# a Multiboot kernel, too.
cat >grub.cfg <<'END'
serial --unit=0 --speed=115200
terminal_output serial
terminal_input serial
echo GRUB runs as a guest
lsmmap
END
grub-mkstandalone -O i386-coreboot -d root/usr/lib/grub/i386-coreboot -o "$target/grub.elf" \
    --install-modules="normal serial terminal echo lsmmap halt reboot memdisk tar" \
    --fonts= --locales= --themes= "boot/grub/grub.cfg=grub.cfg"
