#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Takes the ELF kernel out of a bzImage, as it is when unpacked.

    tools/extract_vmlinux.py VMLINUZ VMLINUX

The kernel is one compressed stream in the file, of a kind that its first bytes
tell. Such bytes also occur by chance, so each place is tried.
"""

import pathlib
import subprocess
import sys

STREAMS = (
    (b"\x02\x21\x4c\x18", ("lz4", "-dc")),
    (b"\xfd7zXZ\x00", ("xz", "-dc", "--single-stream")),
    (b"\x1f\x8b\x08", ("gzip", "-dc")),
    (b"\x28\xb5\x2f\xfd", ("zstd", "-dc")),
)
ELF = b"\x7fELF"
TRIES_MAX = 16


def unpacked(image, at, command):
    """What the program makes of the bytes from `at` on; it complains about what
    follows the stream, which is not ours to judge."""
    done = subprocess.run(command, input=image[at:], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    return done.stdout


def extract(image):
    for magic, command in STREAMS:
        at = -1
        for _ in range(TRIES_MAX):
            at = image.find(magic, at + 1)
            if at < 0:
                break
            kernel = unpacked(image, at, command)
            if kernel.startswith(ELF):
                return kernel
    raise SystemExit("no compressed ELF kernel is in this file")


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    target.write_bytes(extract(source.read_bytes()))


if __name__ == "__main__":
    main()
