# SPDX-License-Identifier: MIT
"""A bug of the hypervisor itself is reported with its place, and stops the machine."""

import re

from places import BUILD


def test_a_null_pointer_in_the_hypervisor_is_reported_with_a_backtrace(machine):
    rig = machine("", cpus=2, memory_mib=128, kernel=BUILD / "crash.stripped.elf")
    rig.expect_halt("internal error", 60)
    text = rig.text()
    assert "#PF page fault, error code 2, CPU 0" in text
    assert re.search(r"CR2 0{16}\b", text)
    # Names come from the product's own table, so the bug's are not among them.
    assert re.search(r"boot_main\+[0-9a-f]+", text)
