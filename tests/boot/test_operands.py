# SPDX-License-Identifier: MIT
"""Instructions of every family on addresses without RAM.

guest/operands.c executes each on RAM and on a hole or a device's register, in 16,
32 and 64-bit code, and compares.
"""

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "operands"
cpus = 2
memory = "16M"
kernel = "operands.bin"
console = true
"""

CLAIMS = (
    "an instruction that another vCPU changes meanwhile is one of them",
    "in a hole do what they do in RAM",
    "across two pages of it do what they do in RAM",
    "forms on registers of IOAPIC and local APIC leave in them what they leave in RAM",
    "an access across the end of RAM reaches both sides",
    "an access across the beginning of RAM reaches both sides",
    "strings with one side in RAM move, compare and count",
    "MOVS to a page that is not mapped: #PF(2)",
    "MOVS from a page that is not mapped: #PF(0)",
    "MOVS to an address that is not canonical: #GP",
    "MOVS beyond the limit of ES: #GP",
    "REP STOS without end is interrupted",
    "REP MOVS without end is interrupted",
    "PUSH and POP of memory",
    "JMP by memory",
    "SSE moves",
)


def test_every_family_does_elsewhere_what_it_does_in_ram(machine, guests):
    rig = machine(CONFIG, {"operands.bin": guests / "operands.bin"}, cpus=2,
                  memory_mib=256).announced()
    rig.expect("^operands: done", 240, "the guest to finish")
    text = rig.text()
    assert "FAIL" not in text, text
    for claim in CLAIMS:
        assert any(line.startswith("operands: ok ") and claim in line
                   for line in text.splitlines()), claim
    rig.expect_end("end: ok")
