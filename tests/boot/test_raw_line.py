# SPDX-License-Identifier: MIT
"""A guest owns a level-triggered line of the machine and treats it as badly as it
can, over its lives; beside it one that must not notice. See guest/line.c. The
firmware's table is replaced by one that says which line is level-triggered.
"""

import re
import struct

import acpi_tables
from test_monitor import PROMPT, ask, open_monitor, row

IRQ = 10
LEVEL_HIGH = 0xD
MADT = acpi_tables.table(b"APIC", 3, acpi_tables.madt(2)[36:]
                         + struct.pack("<BBBBIH", 2, 10, 0, IRQ, IRQ, LEVEL_HIGH))
REPLACE = "acpi --exclude=APIC /boot/images/madt\n"
CONFIG = f"""
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "line"
cpus = [0]
memory = "16M"
kernel = "line.bin"
cmdline = "irq={IRQ}"
ports = ["0x300-0x31f"]
irqs = [{IRQ}]

[[vm]]
name = "witness"
cpus = [1]
memory = "16M"
kernel = "witness.bin"
"""
CARD = (f"ne2k: type=isa, enabled=1, ioaddr=0x300, irq={IRQ}, mac=fe:fd:00:00:00:01, "
        "ethmod=null, ethdev=eth0")


def test_a_level_triggered_line_costs_its_owner_alone(machine, guests):
    files = {name: guests / name for name in ("line.bin", "witness.bin")} | {"madt": MADT}
    rig = machine(CONFIG, files, cpus=2, memory_mib=256, more=(CARD,), before=REPLACE).announced()
    rig.says(f"irq {IRQ}: GSI {IRQ} level high")
    for life in (1, 2, 3):
        rig.expect(f"^line: life {life}\r", 120, f"life {life}")
    rig.expect("^line: storms\r", 60)

    # Beside the storm the neighbour works, and the storm's guest can be stopped.
    rig.send("\x1d2")
    rig.expect("^witness: intact", 60, "the neighbour to go on")
    rig.expect("^witness: intact", 60, "and on")
    open_monitor(rig)
    assert "crashed" not in ask(rig, "list")
    rig.send("stop line\r")
    rig.says(r"line: stopped", 60)
    rig.expect(PROMPT)
    assert row(ask(rig, "list"), "line")[1] == "stopped"
    rig.send("start line\rconsole line\r")
    rig.expect("^line: life 4\r", 60, "the life behind the storm")
    rig.expect("^line: done\r", 60)
    rig.says("line: powered off")
    rig.send("\x1d2")
    rig.send("status\r")
    match = rig.expect(r"^witness: status ([^\r\n]*)\r\n", 60, "the neighbour to answer")
    assert "broken=0 " in match[1].decode() and "unexpected=0" in match[1].decode(), match[1]
    rig.send("quit\r")
    rig.expect_end("end: ok", 60)
    text = rig.text()
    assert "FAIL" not in text, text
    assert not re.search(r"line: vCPU 0: \d+ exits by external interrupt", text)
