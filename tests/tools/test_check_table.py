# SPDX-License-Identifier: MIT
"""The table that bulkhead-check prints of a right configuration, and that it finds right
what it cannot know to be wrong.
"""

import pathlib
import struct
import subprocess

import pytest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "build/bulkhead-check"
LONG = "n" * 31
KERNEL = "k" * 63


def test_columns_are_as_wide_as_they_need(tmp_path):
    guests = ((LONG, "[0, 1, 2, 3, 4, 5, 6, 62]", KERNEL), ("b", "2", "k"))
    (tmp_path / "a.toml").write_text("".join(
        f'[[vm]]\nname = "{name}"\ncpus = {cpus}\nmemory = "16M"\nkernel = "{kernel}"\n'
        'format = "flat"\nload_address = 0x100000\nmode = "long"\n' for name, cpus, kernel in guests))
    for kernel in (KERNEL, "k"):
        (tmp_path / kernel).write_bytes(bytes(4096))
    done = subprocess.run([CHECK, tmp_path / "a.toml"], capture_output=True, text=True, check=True)
    head, first, second = done.stdout.splitlines()[:3]
    starts = [head.index(word) for word in ("GUEST", "CPUS", "MEMORY", "KERNEL", "INITRD", "CONSOLE")]
    cut = [[row[a:b].rstrip() for a, b in zip(starts, [*starts[1:], None])] for row in (first, second)]
    assert cut == [[LONG, "0 1 2 3 4 5 6 62", "16 MiB", KERNEL, "-", "yes"],
                   ["b", "any 2", "16 MiB", "k", "-", "yes"]]
    assert not any(row.endswith(" ") for row in (head, first, second))


def bzimage():
    """A Linux kernel that can be moved, as far as its header goes."""
    image = bytearray(1024 + 4096)
    for offset, form, value in ((0x1F1, "B", 1), (0x1F4, "I", 256), (0x1FE, "H", 0xAA55),
                                (0x200, "H", 0x6AEB), (0x202, "4s", b"HdrS"), (0x206, "H", 0x20F),
                                (0x211, "B", 1), (0x22C, "I", 0x7FFFFFFF), (0x230, "I", 4096),
                                (0x234, "B", 1), (0x236, "H", 1), (0x238, "I", 2047),
                                (0x258, "Q", 0x1000000), (0x260, "I", 0x10000)):
        struct.pack_into("<" + form, image, offset, value)
    return image


@pytest.mark.parametrize("machine", ((), ("--memory", "4G")))
def test_memory_below_3_gib_is_taken_to_be_there(tmp_path, machine):
    """For a guest with unprotected DMA: nothing says that the machine has none."""
    (tmp_path / "k").write_bytes(bzimage())
    (tmp_path / "a.toml").write_text(
        '[[vm]]\nname = "a"\ncpus = 1\nmemory = "2G"\nkernel = "k"\n'
        'devices = ["00:19.0"]\ndma = "unprotected"\n')
    done = subprocess.run([CHECK, tmp_path / "a.toml", *machine], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
