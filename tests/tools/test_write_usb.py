# SPDX-License-Identifier: MIT
"""The stick's writer: it writes the whole image, sees damage, and refuses other disks."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import write_usb  # noqa: E402 pylint: disable=wrong-import-position

MIB = 2**20


@pytest.fixture
def machine(tmp_path):
    """A file system that describes a stick sdb with a partition, and a built-in sda."""
    blocks = tmp_path / "sys/class/block"
    blocks.mkdir(parents=True)
    for name, bus, removable in (("sda", "pci0/ata1", 0), ("sdb", "pci0/usb2", 1)):
        disk = tmp_path / "sys/devices" / bus / name
        (disk / "device").mkdir(parents=True)
        (disk / "removable").write_text(f"{removable}\n")
        (disk / "size").write_text(f"{64 * MIB // 512}\n")
        (disk / "device/model").write_text(f"Model {name}\n")
        part = disk / f"{name}1"
        (part / "holders").mkdir(parents=True)
        (part / "partition").write_text("1\n")
        (blocks / name).symlink_to(disk)
        (blocks / f"{name}1").symlink_to(part)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mounts").write_text("/dev/sda1 / ext4 rw 0 0\n")
    (tmp_path / "proc/swaps").write_text("Filename Type Size Used Priority\n")
    return tmp_path


def refusals(machine, device, image_bytes=MIB, force=False):
    return write_usb.objections(write_usb.Disk(device, machine), image_bytes, force)


def test_a_stick_may_be_written(machine):
    assert refusals(machine, "/dev/sdb") == []


def test_a_built_in_disk_only_if_told(machine):
    (machine / "proc/self/mounts").write_text("")
    said, = refusals(machine, "/dev/sda")
    assert "built in" in said and "Model sda" in said and "64 MiB" in said
    assert refusals(machine, "/dev/sda", force=True) == []


@pytest.mark.parametrize("file, text, said", [
    ("proc/self/mounts", "/dev/sdb1 /media/stick vfat rw 0 0\n", "mounted on /media/stick"),
    ("proc/self/mounts", "/dev/sdb /media/stick vfat rw 0 0\n", "/dev/sdb is mounted"),
    ("proc/swaps", "Filename\n/dev/sdb1 partition 1 0 -2\n", "swap space"),
])
def test_a_disk_in_use_only_if_told(machine, file, text, said):
    (machine / file).write_text(text)
    objection, = refusals(machine, "/dev/sdb")
    assert said in objection
    assert refusals(machine, "/dev/sdb", force=True) == []


def test_a_part_of_something_larger_only_if_told(machine):
    (machine / "sys/class/block/sdb1/holders/dm-0").mkdir()
    assert "part of dm-0" in refusals(machine, "/dev/sdb")[0]


def test_never_a_partition_nor_what_is_no_disk(machine):
    assert "whole disk" in refusals(machine, "/dev/sdb1", force=True)[0]
    assert "is no disk" in refusals(machine, "/dev/sdz", force=True)[0]


def test_never_a_disk_that_is_too_small(machine):
    assert "has 64 MiB" in refusals(machine, "/dev/sdb", 65 * MIB, force=True)[0]


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.iso"
    path.write_bytes(bytes(range(256)) * (5 * MIB // 256) + b"end")
    return path


def test_the_whole_image_is_written_and_nothing_behind_it(tmp_path, image, capsys):
    stick = tmp_path / "stick"
    stick.write_bytes(b"\xEE" * (6 * MIB))
    assert write_usb.put(image, stick) == 0
    size = image.stat().st_size
    assert stick.read_bytes()[:size] == image.read_bytes()
    assert set(stick.read_bytes()[size:]) == {0xEE}
    assert "is the same" in capsys.readouterr().out


def test_damage_is_seen_and_located(tmp_path, image, monkeypatch, capsys):
    stick = tmp_path / "stick"
    stick.write_bytes(b"\xEE" * (6 * MIB))
    write = write_usb.write

    def write_badly(source, target, force):
        write(source, target, force)
        with open(target, "r+b") as file:
            file.seek(4 * MIB + 7)
            file.write(b"\x00")

    monkeypatch.setattr(write_usb, "write", write_badly)
    assert write_usb.put(image, stick) == 1
    assert f"at byte {4 * MIB + 7}" in capsys.readouterr().err


@pytest.fixture
def stick_in_use(machine, monkeypatch):
    """As the kernel does it: what it has mounted itself cannot be opened exclusively."""
    stick = machine / "dev/sdb"
    stick.parent.mkdir()
    stick.write_bytes(bytes(6 * MIB))
    open_file = write_usb.os.open

    def open_as_kernel(path, flags, *more, **named):
        if flags & write_usb.os.O_EXCL and str(path) == str(stick):
            raise OSError(write_usb.errno.EBUSY, "Device or resource busy")
        return open_file(path, flags, *more, **named)

    disk = write_usb.Disk
    monkeypatch.setattr(write_usb.os, "open", open_as_kernel)
    monkeypatch.setattr(write_usb, "Disk", lambda device: disk(device, machine))
    monkeypatch.setattr(write_usb.stat, "S_ISBLK", lambda mode: True)
    return stick


def test_a_disk_that_only_the_kernel_knows_to_be_in_use(stick_in_use, image, capsys):
    assert write_usb.main([str(image), str(stick_in_use)]) == 1
    assert "is in use" in capsys.readouterr().err
    assert set(stick_in_use.read_bytes()) == {0}
    assert write_usb.main([str(image), str(stick_in_use), "--force"]) == 0


def test_the_command_says_all_that_is_wrong(image, capsys):
    assert write_usb.main([str(image), "/dev/no-such-disk"]) == 1
    assert "is no disk" in capsys.readouterr().err
