#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches what the demo's guests are made of, Debian's own packages, and takes
# the kernel and busybox out of them. Nothing is installed on this machine.
#
#   tools/fetch_demo.sh DIRECTORY    -> DIRECTORY/vmlinuz, DIRECTORY/busybox
set -eu

directory=$1
mkdir -p "$directory/debs"
target=$(cd "$directory" && pwd)

# The metapackage names the current kernel.
kernel_package() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

if [ -z "$(kernel_package)" ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
fi
package=$(kernel_package)
if [ -z "$package" ]; then
    echo "Debian's package lists do not name linux-image-cloud-amd64; run: apt-get update" >&2
    exit 1
fi

cd "$target/debs"
rm -rf ./*.deb kernel busybox
apt-get download -qq "$package" busybox-static 2>download.log || {
    cat download.log >&2
    echo "could not download $package and busybox-static" >&2
    exit 1
}
dpkg-deb -x "$package"_*.deb kernel
dpkg-deb -x busybox-static_*.deb busybox
cp kernel/boot/vmlinuz-* "$target/vmlinuz"
cp busybox/bin/busybox "$target/busybox"
