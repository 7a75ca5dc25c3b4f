# SPDX-License-Identifier: MIT
"""Guests' memory as the processor should have it.

RAM that the firmware's MTRRs do not make write-back goes to nobody. GRUB's
command wrmsr plays the firmware, on the CPU that boots only, so the other one
differs.

Where a guest could stop the CPU by large pages there are none.
"""

import re

FIRST, BYTES = 64 << 20, 2 << 20
UNCACHEABLE, VALID = 0, 1 << 11
ADDRESS_BITS = 40  # of Bochs
MASK = (1 << ADDRESS_BITS) - BYTES | VALID
# The last of eight pairs, which no firmware needs.
HOLE = f"""\
wrmsr 0x20e {FIRST | UNCACHEABLE:#x}
wrmsr 0x20f {MASK:#x}
"""
CONFIG = """\
[hypervisor]
when_all_stopped = "poweroff"
"""
GUEST = """\
[[vm]]
name = "{}"
cpus = 1
memory = "40M"
kernel = "status.bin"
exit_port = 0x501
"""


def test_uncached_ram_is_given_to_nobody(machine, guests):
    rig = machine(CONFIG + GUEST.format("a") + GUEST.format("b"),
                  {"status.bin": guests / "status.bin"}, memory_mib=512, before=HOLE)
    rig.announced()
    rig.says(r"2048 KiB of RAM at 4000000 are not used: the firmware's MTRRs do not make them "
             r"write-back")
    rig.says(r"CPU 1: its MTRRs differ from those of CPU 0")
    rig.expect_end("end: ok")
    blocks = [(int(first, 16), int(last, 16))
              for first, last in re.findall(r"  memory (\w+)-(\w+) ", rig.text())]
    assert any(last < FIRST for _, last in blocks)
    assert all(last < FIRST or first >= FIRST + BYTES for first, last in blocks)
    assert len(re.findall(r": ended with status 0", rig.text())) == 2


def hypervisor_kib(machine, guests, more):
    rig = machine(CONFIG + GUEST.format("a") + more, {"status.bin": guests / "status.bin"})
    rig.announced()
    rig.expect_end("end: ok")
    warned = "a: it has large pages, by which its kernel can stop the machine" in rig.text()
    return int(re.search(r"hypervisor memory: (\d+) KiB", rig.text())[1]), warned


def test_a_cpu_with_the_erratum_of_page_sizes_gives_guests_small_pages(machine, guests):
    by_default, warned = hypervisor_kib(machine, guests, "")
    assert not warned
    large, warned = hypervisor_kib(machine, guests, "large_pages = true\n")
    assert warned
    # A table for each of 20 times 2 MiB; the first has one in any case, for the legacy hole.
    assert by_default - large == 19 * 4
