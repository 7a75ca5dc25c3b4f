# SPDX-License-Identifier: MIT
"""The table that bulkhead-check prints of a right configuration."""

import pathlib
import subprocess

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
