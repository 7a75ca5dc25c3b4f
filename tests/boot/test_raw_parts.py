# SPDX-License-Identifier: MIT
"""A guest owns ports and interrupts of the machine as they are; beside it one that
tries everything and must find nothing of that.
"""

import re
import subprocess

from places import BUILD

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"
log = "debug"

[[vm]]
name = "raw"
cpus = [0]
memory = "16M"
kernel = "raw.bin"
ports = ["0x2f8-0x2ff", "0x70-0x71"]
irqs = [3, 8]

[[vm]]
name = "sweep"
cpus = [1]
memory = "16M"
kernel = "sweep.bin"
"""
TEXT = "what the guest owns it drives by itself\n"
COM2 = 'com2: enabled=1, mode=file, dev="com2.out"'


def test_a_guest_drives_a_serial_port_and_the_clock(machine, guests):
    files = {name: guests / name for name in ("raw.bin", "sweep.bin")}
    rig = machine(CONFIG, files, cpus=2, memory_mib=256, more=(COM2,)).announced()
    rig.says("raw: owns ports 2f8 to 2ff")
    rig.says("raw: owns interrupt 8")
    rig.expect("^raw: done\r", 120, "the owner to finish")
    rig.send("\x1d2")
    rig.expect("^sweep: done\r", 240, "the sweep to finish")
    rig.expect_end("end: ok", 120)
    text = rig.text()
    assert "FAIL" not in text, text
    assert (rig.machine.directory / "com2.out").read_bytes().decode() == TEXT

    # 20000 accesses and some hundred interrupts, and nothing of it is an exit.
    io = re.search(r"raw: vCPU 0: (\d+) exits by I/O", text)
    assert int(io[1]) < 5000, io[0]
    assert not re.search(r"raw: vCPU 0: \d+ exits by external interrupt", text)
    assert re.search(r"raw: the entry of IOAPIC pin 8,.*stays masked", text)


REFUSED = """
[[vm]]
name = "one"
cpus = 1
memory = "16M"
kernel = "raw.bin"
ports = ["0x3f8-0x3ff", 0xcfc, "0x2f8-0x2ff", "0x604", "0xb000-0xb03f"]
irqs = [4, 3, 8]
mmio = ["0x100000-0x100fff", "0xfec00000-0xfec00fff", "0xa00000-0x10ffffff"]

[[vm]]
name = "two"
cpus = 1
memory = "16M"
kernel = "raw.bin"
ports = ["0x2fa"]
irqs = [3]
devices = ["00:1e.7", "00:00.0", "00:01.1"]
"""
EXPECTED = [
    (7, "one", "ports 0x3f8 to 0x3ff: .* the console's serial port"),
    (7, "one", "port 0xcfc: .* the way to all PCI functions"),
    (7, "one", "port 0x604: .* emulated power management"),
    (7, "one", "ports 0xb000 to 0xb03f: .* the machine's power management"),
    (8, "one", "interrupt 4 .* the console's serial port"),
    (8, "one", "interrupt 8 .* emulated clock"),
    (9, "one", "addresses 0x100000 to 0x100fff: .* RAM"),
    (9, "one", "addresses 0xfec00000 to 0xfec00fff: .* an interrupt controller"),
    (16, "two", 'port 0x2fa: some of it already belongs to vm "one" in line 2'),
    (17, "two", 'interrupt 3 already belongs to vm "one" in line 2'),
    (18, "two", "there is no PCI function 00:1e.7; this machine has 00:00.0, 00:01.0, 00:01.1"),
    (18, "two", "00:00.0 cannot be owned by a guest: it is a bridge of the board"),
    (18, "two", "nothing here keeps a device's DMA to its guest's memory"),
]


def findings(text):
    """Those about ports, interrupts and addresses."""
    found = re.findall(r"\bconfig[^:\n]*:(\d+:\d+: error: .*)", text)
    return [line.rstrip() for line in found if not re.search("no PCI function|00:00.0|DMA", line)]


def test_what_cannot_be_owned_is_refused_all_of_it_at_once(machine, guests, tmp_path):
    rig = machine(REFUSED, {"raw.bin": guests / "raw.bin"}, cpus=2, memory_mib=256).announced()
    rig.expect_halt("the configuration has errors")
    for line, guest, what in EXPECTED:
        pattern = rf'config:{line}:\d+: error: vm "{guest}": {what}'
        assert re.search(pattern, rig.text()), (pattern, rig.text())

    # And the same is found at the desk, with what this boot has shown.
    (tmp_path / "saved").write_bytes(bytes(rig.console.received))
    (tmp_path / "config").write_text(REFUSED)
    (tmp_path / "raw.bin").write_bytes((guests / "raw.bin").read_bytes())
    done = subprocess.run([BUILD / "bulkhead-check", "--inventory", "saved", "config"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert findings(done.stderr) == findings(rig.text())
    assert len(findings(done.stderr)) == 11
