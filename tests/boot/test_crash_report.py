# SPDX-License-Identifier: MIT
"""What the report of a guest's end tells of its calls: guest/kinds/calls.c ends
three calls deep, with its symbols in the file and without.
"""

import re
import subprocess

import pytest

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "calls"
cpus = 1
memory = "16M"
kernel = "calls.elf"
"""

CALLS = ("innermost", "in_the_middle", "outermost", "kind_main")


def calls_told(machine, kernel):
    """Runs it; returns how the report begins to tell its calls, and the calls."""
    rig = machine(CONFIG, {"calls.elf": kernel}, cpus=1, memory_mib=128).announced()
    rig.expect_end("end: crashed", 120)
    text = rig.text()
    assert "] calls: vCPU 0: triple fault" in text, text
    lines = [line.partition("] ")[2] for line in text.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("  calls, by frame pointers"))
    end = next(i for i in range(start + 1, len(lines)) if not lines[i].startswith("    "))
    return lines[start], lines[start + 1:end]


def symbols(path):
    """Name -> address, as nm reads them."""
    listed = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    return {name: int(address, 16) for address, _, name in map(str.split, listed.splitlines())}


@pytest.mark.parametrize("file, entry, place", (("calls.elf", "entry.again", "0000000000100"),
                                                ("calls64.elf", "in_64_bit_mode", "ffffffff80200")))
def test_calls_are_told_by_name(machine, guests, file, entry, place):
    """All of them, innermost first, each with its own distance from its symbol."""
    kernel = guests / "kinds" / file
    header, lines = calls_told(machine, kernel)
    assert header == "  calls, by frame pointers:"
    found = [re.fullmatch(r"    ([0-9a-f]{16}) ([\w.]+)\+0x([0-9a-f]+)", line) for line in lines]
    assert all(found), lines
    assert [match[2] for match in found] == [*CALLS, entry], lines
    known = symbols(kernel)
    for match in found:
        assert int(match[1], 16) - int(match[3], 16) == known[match[2]], match[0]
    assert found[0][1].startswith(place), lines


def test_without_symbols_calls_are_told_by_address(machine, guests, tmp_path):
    bare = tmp_path / "bare.elf"
    subprocess.run(["objcopy", "--strip-all", guests / "kinds" / "calls.elf", bare], check=True)
    header, lines = calls_told(machine, bare)
    assert header == "  calls, by frame pointers (no symbols in the image):"
    assert len(lines) == len(CALLS) + 1, lines
    known = symbols(guests / "kinds" / "calls.elf")
    for line, name in zip(lines, CALLS):
        assert 0 < int(line, 16) - known[name] < 0x20, line
