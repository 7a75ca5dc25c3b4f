#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches kernels that nobody here wrote out of Debian's own packages, for the
# tests: memory testers that are bzImages, with a 64-bit entry and without; GRUB
# itself; iPXE, which only a BIOS can start; and Linux for
# PCs of any kind, as it is and with PREEMPT_RT. Nothing is installed on this
# machine.
#
#   tools/fetch_kernels.sh DIRECTORY
#       -> DIRECTORY/memtest86+ia32.bin, memtest86+x64.bin, grub.elf, ipxe.lkrn,
#          vmlinuz-amd64, vmlinuz-rt-amd64, and drivers for the former: ib700wdt.ko, and in
#          drivers/ those of PCI devices, NN-NAME.ko in the order in which they load
set -eu

modules="scsi_common scsi_mod libata ata_piix crct10dif_common crc64 crc64-rocksoft crc-t10dif t10-pi sd_mod 8390 ne2k-pci e1000"

# The metapackage names the current kernel.
linux_package() {
    apt-cache depends "linux-image-$1" 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

mkdir -p "$1/debs"
target=$(cd "$1" && pwd)

if [ -z "$(apt-cache policy memtest86+ 2>/dev/null)" ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
fi
linuxes="$(linux_package amd64) $(linux_package rt-amd64)"
packages="memtest86+ ipxe grub-coreboot-bin $linuxes"
cd "$target/debs"
rm -rf ./*.deb root
# shellcheck disable=SC2086 # a list of words
apt-get download -qq $packages 2>download.log || {
    cat download.log >&2
    echo "could not download: $packages" >&2
    exit 1
}
for package in ./memtest86+_*.deb ./ipxe_*.deb ./grub-coreboot-bin_*.deb; do
    dpkg-deb -x "$package" root
done
# Of the Linuxes the kernels alone, and some modules: all of them are most of a package.
part_of() {
    for package in ./linux-image-[0-9]*[0-9]-"$1"_*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -xO --wildcards "$2"
    done
}
part_of amd64 './boot/vmlinuz-*' >"$target/vmlinuz-amd64"
part_of rt-amd64 './boot/vmlinuz-*' >"$target/vmlinuz-rt-amd64"
part_of amd64 '*/watchdog/ib700wdt.ko' >"$target/ib700wdt.ko"
rm -rf modules "$target/drivers"
mkdir modules "$target/drivers"
# shellcheck disable=SC2046 # a list of words
dpkg-deb --fsys-tarfile ./linux-image-[0-9]*[0-9]-amd64_*.deb |
    tar -xC modules --wildcards $(for module in $modules; do echo "*/$module.ko"; done)
number=10
for module in $modules; do
    cp "$(find modules -name "$module.ko")" "$target/drivers/$number-$module.ko"
    number=$((number + 1))
done
cp root/boot/memtest86+ia32.bin root/boot/memtest86+x64.bin root/boot/ipxe.lkrn "$target"

# Debian has no modules for GRUB's platform "multiboot". That for coreboot wants
# coreboot's tables, which guest/kinds/coreboot.asm makes of Multiboot's.
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
