# SPDX-License-Identifier: MIT
"""`log = "learn"`: a guest's list of all that it touched, at its end.

guest/exits.c touches a few places that are known; guest/sweep.c touches all that
there are.
"""

import re

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "{name}"
cpus = 1
memory = "16M"
kernel = "{name}.bin"
log = "{log}"
"""

PLACES_MAX = 512
KINDS = ("cpuid", "rdmsr", "wrmsr", "in", "out", "read-page", "write-page")


def run(machine, guests, name, log, timeout_s):
    """The list as (kind, place) -> (times, refused), and the lines of what was lost."""
    rig = machine(CONFIG.format(name=name, log=log), {f"{name}.bin": guests / f"{name}.bin"},
                  cpus=1, memory_mib=128).announced()
    rig.expect(f"^{name}: done\r", timeout_s, "the guest to finish")
    rig.expect_end("end: ok", 120)
    assert f"{name}: FAIL" not in rig.text(), rig.text()
    prefix = re.escape(f"[bulkhead {rig.code}] {name}: ")
    lines = re.findall(rf"^{prefix}(\S+) +(\S+) +times (\d+), refused (\d+), first from 0x[0-9a-f]+\r?$",
                       rig.text(), re.MULTILINE)
    lost = re.findall(rf"^{prefix}(\S+) +(\d+) accesses more", rig.text(), re.MULTILINE)
    told = re.findall(rf"^{prefix}it touched (\d+) places:", rig.text(), re.MULTILINE)
    assert told == ([str(len(lines))] if log == "learn" else [])
    order = [KINDS.index(kind) for kind, _, _, _ in lines]
    assert order == sorted(order)
    return {(kind, place): (int(times), int(refused)) for kind, place, times, refused in lines}, lost


def test_the_list_says_what_a_guest_touched_and_what_of_it_was_refused(machine, guests):
    places, lost = run(machine, guests, "exits", "learn", 120)
    assert lost == []
    assert places["rdmsr", "0xfe"] == (1, 0)
    assert places["rdmsr", "0x480"] == (1, 1)
    assert places["wrmsr", "0xfe"] == (1, 1)
    assert places["wrmsr", "0x8b"] == (1, 0)
    assert places["in", "0x5000"] == (1, 1)
    assert places["out", "0x40"] == (2, 0)
    assert places["write-page", "0xfec00000"] == (1, 0)
    assert places["read-page", "0xfec00000"] == (1, 0)
    assert places["cpuid", "0x40000000"] == (1, 0)
    assert places["out", "0x604"] == (1, 0)     # its last act
    assert places["out", "0x3f8"][0] > 100      # all that it has said


def test_a_guest_that_does_not_learn_has_no_list(machine, guests):
    assert run(machine, guests, "exits", "refused", 120) == ({}, [])


def test_a_list_has_an_end_and_says_how_much_it_lacks(machine, guests):
    places, lost = run(machine, guests, "sweep", "learn", 600)
    assert len(places) == PLACES_MAX
    assert {kind for kind, _ in lost} >= {"in", "out"}
    assert all(int(count) > 0 for _, count in lost)
