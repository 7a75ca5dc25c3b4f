# SPDX-License-Identifier: MIT
"""A bug of the hypervisor itself is reported with its place, and stops the machine."""

import re

import pytest

from places import BUILD


def test_a_null_pointer_in_the_hypervisor_is_reported_with_a_backtrace(machine):
    rig = machine("", cpus=2, memory_mib=128, kernel=BUILD / "crash.stripped.elf")
    rig.expect_halt("internal error", 60)
    text = rig.text()
    assert "#PF page fault, error code 2, CPU 0" in text
    assert re.search(r"CR2 0{16}\b", text)
    # Names come from the product's own table, so the bug's are not among them.
    assert re.search(r"boot_main\+[0-9a-f]+", text)


# One CPU: with two, Bochs' BIOS finds no keyboard after a reset, and stops. With UEFI
# firmware it does not boot again after one at all; QEMU does.
MACHINES = {"bochs": {"on": "bochs", "memory_mib": 128},
            "qemu-seabios": {"on": "qemu-tcg", "more": ("-action", "reboot=reset")},
            "qemu-ovmf": {"on": "qemu-tcg", "firmware": "ovmf", "more": ("-action", "reboot=reset")}}


@pytest.mark.parametrize("where", MACHINES)
def test_a_panic_record_is_shown_after_a_warm_reset(machine, where):
    rig = machine("", cpus=1, kernel=BUILD / "crash_reset.stripped.elf", **MACHINES[where])
    rig.announced()
    rig.says("#PF page fault, error code 2, CPU 0", 60)
    rig.expect_halt("internal error")
    rig.announced()
    rig.says("the hypervisor stopped before this boot")
    for line in ("This is a bug of Bulkhead, please report it: #PF page fault, error code 2, CPU 0",
                 "  RIP [0-9a-f]{16}  CS ", "  R13 .* CR2 0{16}", "  [0-9a-f]{16} boot_main\\+",
                 "halted: internal error"):
        rig.says(r"  \| " + line)
    # The boot after that one, which had no bug, finds nothing and crashes anew.
    rig.announced()
    start = rig.console.position
    rig.expect_halt("internal error", 60)
    assert "stopped before" not in bytes(rig.console.received[start:]).decode(errors="replace")
