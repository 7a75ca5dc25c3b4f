# SPDX-License-Identifier: MIT
"""Interrupts that a guest leaves pending, beside one that must not notice.

guest/pending.c does as the letter typed at it says. Its vectors are also such
as exceptions have, which are a bug of ours where they happen.
"""

from test_lifecycle import witness_is_intact

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "pending"
cpus = [0, 1]
memory = "16M"
kernel = "pending.bin"

[[vm]]
name = "witness"
cpus = [2]
memory = "16M"
kernel = "witness.bin"
"""


def start(machine, guests):
    files = {name: guests / name for name in ("pending.bin", "witness.bin")}
    rig = machine(CONFIG, files, cpus=3, memory_mib=256).announced()
    rig.expect("^pending: ready", 60)
    return rig


def end(rig):
    rig.send("q")
    rig.expect("^pending: done\r", 60)
    rig.says(r"pending: powered off \(ACPI S5\)")
    assert "pending: FAIL" not in rig.text()
    witness_is_intact(rig, "2")
    rig.send("quit\r")
    rig.expect_end("end: ok")


def test_interrupts_left_pending_end_with_the_life_of_the_guest(machine, guests):
    rig = start(machine, guests)
    for _ in range(2):
        rig.send("r")
        rig.says(r"pending: restarts \(reset by port CF9h\)")
        rig.expect("^pending: ok nothing is pending at the start", 60)
        rig.expect("^pending: ready", 60)
    end(rig)


def test_interrupts_left_pending_end_with_an_init(machine, guests):
    rig = start(machine, guests)
    rig.send("i")
    rig.expect("^pending: ok interrupts are pending at the second vCPU", 60)
    rig.expect("^pending: ok the second vCPU came up again after INIT", 60)
    rig.expect("^pending: ok nothing is pending there after INIT", 60)
    end(rig)
