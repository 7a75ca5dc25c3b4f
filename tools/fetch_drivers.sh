#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches Debian's kernel for real machines, which has the drivers that the demo's
# lacks, and takes out of it the kernel and the modules that tests of assigned
# devices load, in that order. Nothing is installed on this machine.
#
#   tools/fetch_drivers.sh DIRECTORY    -> DIRECTORY/vmlinuz, DIRECTORY/NN-NAME.ko
set -eu

modules="scsi_common scsi_mod libata ata_piix crct10dif_common crc64 crc64-rocksoft crc-t10dif t10-pi sd_mod 8390 ne2k-pci e1000"
directory=$1
mkdir -p "$directory/debs"
target=$(cd "$directory" && pwd)

# The metapackage names the current kernel.
kernel_package() {
    apt-cache depends linux-image-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

if [ -z "$(kernel_package)" ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
fi
package=$(kernel_package)
if [ -z "$package" ]; then
    echo "Debian's package lists do not name linux-image-amd64; run: apt-get update" >&2
    exit 1
fi

cd "$target/debs"
rm -rf ./*.deb kernel
apt-get download -qq "$package" 2>download.log || {
    cat download.log >&2
    echo "could not download $package" >&2
    exit 1
}
dpkg-deb -x "$package"_*.deb kernel
rm ./*.deb
cp kernel/boot/vmlinuz-* "$target/vmlinuz"
number=10
for module in $modules; do
    file=$(find kernel/lib/modules -name "$module.ko")
    if [ -n "$file" ]; then # else it is built in
        cp "$file" "$target/$number-$module.ko"
    fi
    number=$((number + 1))
done
rm -rf kernel
