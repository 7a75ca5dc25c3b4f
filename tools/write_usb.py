# SPDX-License-Identifier: MIT
"""Writes the disc image to a USB stick, reads it back, and refuses other disks.

    write_usb.py IMAGE DEVICE [--force]

What speaks against a device is found out before anything is written; all of it is
said at once. Exit status: 0 if the stick holds the image, 1 if not, 2 for a wrong
command line.
"""

import argparse
import errno
import os
import pathlib
import stat
import sys

CHUNK_BYTES = 4 * 2**20
SECTOR_BYTES = 512          # the unit of sysfs, whatever the disk's own is


class Disk:
    """A disk as the kernel describes it; `root` is another file system in tests."""

    def __init__(self, device, root=pathlib.Path("/")):
        self.device = pathlib.Path(device).resolve()
        self.name = self.device.name
        self.root = root
        self.folder = root / "sys/class/block" / self.name

    def attribute(self, name):
        try:
            return (self.folder / name).read_text().strip()
        except OSError:
            return ""

    def is_known(self):
        return self.folder.exists()

    def is_partition(self):
        return (self.folder / "partition").exists()

    def is_removable(self):
        """Sticks say so; disks in USB cases do not, but hang on the same bus."""
        return self.attribute("removable") == "1" or "/usb" in str(self.folder.resolve())

    def bytes(self):
        return int(self.attribute("size") or 0) * SECTOR_BYTES

    def model(self):
        return " ".join(filter(None, (self.attribute("device/vendor"),
                                      self.attribute("device/model")))) or "unknown model"

    def parts(self):
        """Itself and its partitions."""
        return [self.name] + sorted(path.parent.name for path in self.folder.glob("*/partition"))

    def uses(self):
        """What the running system does with it: lines for the user."""
        found = []
        for part in self.parts():
            for line in self._lines("proc/self/mounts"):
                if line.split(" ")[0] == f"/dev/{part}":
                    found.append(f"/dev/{part} is mounted on {line.split(' ')[1]}")
            for line in self._lines("proc/swaps"):
                if line.split()[0] == f"/dev/{part}":
                    found.append(f"/dev/{part} is swap space")
            holders = self.root / "sys/class/block" / part / "holders"
            if holders.exists():
                found += [f"/dev/{part} is part of {holder.name}"
                          for holder in sorted(holders.iterdir())]
        return found

    def _lines(self, path):
        try:
            return [line for line in (self.root / path).read_text().splitlines() if line.strip()]
        except OSError:
            return []


def size_text(count):
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def objections(disk, image_bytes, force):
    """Why this disk is not written to; none: it may be."""
    if not disk.is_known():
        return [f"{disk.device} is no disk; `lsblk -d` lists the disks that there are"]
    if disk.is_partition():
        return [f"{disk.device} is a partition; name the whole disk, for it is overwritten"]
    found = []
    if disk.bytes() < image_bytes:
        found.append(f"{disk.device} has {size_text(disk.bytes())}, and the image has "
                     f"{size_text(image_bytes)}")
    if force:
        return found
    found += [f"{use}; unmount it first, or say FORCE=1" for use in disk.uses()]
    if not disk.is_removable():
        found.append(f"{disk.device} ({disk.model()}, {size_text(disk.bytes())}) is built in, "
                     "not a stick; if it is meant, say FORCE=1")
    return found


def open_exclusively(path, flags):
    """The kernel refuses a disk that anything uses: also what no list of it names, such
    as the members of a pool, and what came to be mounted since it was looked at."""
    return os.open(path, flags | os.O_EXCL)


def write(image, device, force=False):
    """Copies the file to the beginning of the device, and waits until it is there."""
    with open(image, "rb") as source, \
            open(device, "r+b", buffering=0,
                 opener=None if force else open_exclusively) as target:
        while chunk := source.read(CHUNK_BYTES):
            view = memoryview(chunk)
            while view:
                view = view[target.write(view):]
        os.fsync(target.fileno())


def first_difference(image, device):
    """Where the device does not hold the file, as a byte's number; None if it does."""
    with open(image, "rb") as source, open(device, "rb", buffering=0) as target:
        # Not what the system remembers of it, but what is on it.
        os.posix_fadvise(target.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        at = 0
        while expected := source.read(CHUNK_BYTES):
            found = b""
            while len(found) < len(expected):
                more = target.read(len(expected) - len(found))
                if not more:
                    return at + len(found)
                found += more
            if found != expected:
                return at + next(i for i, pair in enumerate(zip(found, expected))
                                 if pair[0] != pair[1])
            at += len(expected)
    return None


def put(image, device, force=False):
    """Writes and reads back; the exit status."""
    write(image, device, force)
    difference = first_difference(image, device)
    if difference is not None:
        print(f"{device}: what was read back differs from the image at byte {difference}: "
              "the stick is damaged, or was pulled out", file=sys.stderr)
        return 1
    print(f"{device} holds the image; it was read back and is the same. Boot from it.")
    return 0


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("device", help="the whole disk, such as /dev/sdX; all of it is lost")
    parser.add_argument("--force", action="store_true",
                        help="also a disk that is built in, or in use")
    options = parser.parse_args(arguments)
    disk = Disk(options.device)
    found = objections(disk, options.image.stat().st_size, options.force)
    if not found and not stat.S_ISBLK(os.stat(disk.device).st_mode):
        found = [f"{disk.device} is no block device"]
    for objection in found:
        print(objection, file=sys.stderr)
    if found:
        return 1
    print(f"writing {size_text(options.image.stat().st_size)} to {disk.device} ({disk.model()}, "
          f"{size_text(disk.bytes())}); what is on it is lost")
    try:
        return put(options.image, disk.device, options.force)
    except OSError as error:
        if error.errno == errno.EBUSY:
            print(f"{disk.device} is in use; unmount it first, or say FORCE=1", file=sys.stderr)
            return 1
        print(f"{disk.device}: {error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
