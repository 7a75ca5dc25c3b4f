#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the demo guests' initramfs: busybox, an init script, a console node.

A cpio archive in the "newc" format, written here so that the same inputs give
the same bytes: every file belongs to root and has no date. Not compressed:
unpacking two megabytes costs the guest more instructions than reading them.
"""

import argparse
import pathlib
import stat

ALIGNMENT = 4
BLOCK = 512


def padded(data, size):
    return data + b"\0" * (-len(data) % size)


def entry(number, name, mode, contents=b"", device=(0, 0)):
    """One file of the archive: an ASCII header, its name, its contents."""
    encoded = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(contents), 0, 0, *device, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return padded(header + encoded, ALIGNMENT) + padded(contents, ALIGNMENT)


def archive(busybox, init, more=()):
    """`more` are further files: name and contents, in folders that are there."""
    files = [
        ("bin", stat.S_IFDIR | 0o755),
        ("bin/busybox", stat.S_IFREG | 0o755, busybox),
        ("bin/sh", stat.S_IFLNK | 0o777, b"busybox"),
        ("etc", stat.S_IFDIR | 0o755),
        ("etc/passwd", stat.S_IFREG | 0o644, b"root:x:0:0:root:/root:/bin/sh\n"),
        ("dev", stat.S_IFDIR | 0o755),
        ("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1)),
        ("init", stat.S_IFREG | 0o755, init),
        *((name, stat.S_IFREG | 0o755, contents) for name, contents in more),
        ("TRAILER!!!", 0),
    ]
    entries = (entry(number, *file) for number, file in enumerate(files, 1))
    return padded(b"".join(entries), BLOCK)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("busybox", type=pathlib.Path, help="a statically linked busybox")
    parser.add_argument("init", type=pathlib.Path, help="the script that runs first")
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.out.write_bytes(
        archive(arguments.busybox.read_bytes(), arguments.init.read_bytes()))


if __name__ == "__main__":
    main()
