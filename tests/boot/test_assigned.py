# SPDX-License-Identifier: MIT
"""PCI functions of the machine in guests: Debian's kernel drives both network cards
in one guest and the disk controller in another, at the same time, with DMA and
interrupts. A guest of ours does whatever it can think of with its functions, one
beside it tries everything and must find nothing of them, and a third one must not
notice.
"""

import hashlib
import re

import make_initrd
from places import BUILD, ROOT

DISK_BYTES = 32 * 16 * 63 * 512
READ_BYTES = 32 * 65536
ROM_BYTES = 65536
FILE = b"what the card's network has to give\n" * 1000
LINUX = "console=ttyS0,115200 quiet nokaslr rodata=off cryptomgr.notests " \
        "initcall_blacklist=load_system_certificate_list"

CONFIG = f"""
[hypervisor]
when_all_stopped = "poweroff"
log = "debug"

[[vm]]
name = "net"
cpus = [0]
memory = "192M"
kernel = "vmlinuz"
initrd = "initrd"
cmdline = "{LINUX} job=network"
devices = ["00:02.0", "00:03.0"]
dma = "unprotected"

[[vm]]
name = "disk"
cpus = [1]
memory = "192M"
kernel = "vmlinuz"
initrd = "initrd"
cmdline = "{LINUX} job=disk"
devices = ["00:01.1"]
dma = "unprotected"
"""


def initrd():
    modules = sorted((BUILD / "kernels" / "drivers").glob("*.ko"))
    init = (ROOT / "guest" / "devices" / "init").read_bytes()
    return make_initrd.archive((BUILD / "demo" / "busybox").read_bytes(), init,
                               [(module.name, module.read_bytes()) for module in modules])


def devices_of_bochs(directory):
    """Each card on a network that Bochs plays, of the two kinds that it has, and a disk
    on the second channel."""
    disk = bytes(i * 7 % 251 for i in range(65536)) * (DISK_BYTES // 65536 + 1)
    (directory / "disk.img").write_bytes(disk[:DISK_BYTES])
    (directory / "file").write_bytes(FILE)
    return (
        "pci: enabled=1, chipset=i440fx, slot1=ne2k, slot2=e1000",
        "ne2k: enabled=1, mac=52:54:00:12:34:56, ethmod=vnet, "
        f'ethdev="{directory}", script=""',
        "e1000: enabled=1, mac=52:54:00:12:34:57, ethmod=slirp, "
        f'ethdev="{directory}", script=""',
        "ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15",
        f'ata1-master: type=disk, path="{directory}/disk.img", mode=flat, '
        "cylinders=32, heads=16, spt=63",
    ), disk[:READ_BYTES]


def focus(rig, name, key):
    rig.send(f"\x1d{key}")
    rig.says(f"console: {name} ")


def test_linux_uses_network_cards_and_a_disk_of_the_machine(machine, tmp_path):
    more, read = devices_of_bochs(tmp_path)
    files = {"vmlinuz": BUILD / "kernels" / "vmlinuz-amd64", "initrd": initrd()}
    rig = machine(CONFIG, files, cpus=2, memory_mib=640, more=more).announced()
    rig.says("net: its devices' DMA is UNPROTECTED")
    rig.says("disk: its devices' DMA is UNPROTECTED")
    rig.expect("^devices: done", 900, "the network guest to finish")
    focus(rig, "disk", "2")
    rig.expect("^devices: done", 300, "the disk guest to finish")
    rig.expect_end("end: ok", 120)

    text = rig.text()
    assert "FAIL" not in text, text
    for driver in ("ne2k-pci", "e1000"):
        assert f"devices: {driver}: 3 packets transmitted, 3 packets received" in text
        assert f"devices: {driver}: {hashlib.md5(FILE).hexdigest()}" in text
    assert f"devices: read {hashlib.md5(read).hexdigest()}" in text
    wrote, found = (re.search(rf"devices: {what} (\w+)", text)[1] for what in ("wrote", "found"))
    assert wrote == found
    pattern = (tmp_path / "disk.img").read_bytes()[READ_BYTES:READ_BYTES + 1048576]
    assert hashlib.md5(pattern).hexdigest() == wrote


HOSTILE = """
[hypervisor]
when_all_stopped = "poweroff"
log = "debug"

[[vm]]
name = "assigned"
cpus = [0]
memory = "64M"
kernel = "assigned.bin"
devices = ["00:02.0", "00:01.1"]
dma = "unprotected"

[[vm]]
name = "witness"
cpus = [1]
memory = "16M"
kernel = "witness.bin"

[[vm]]
name = "sweep"
cpus = [2]
memory = "16M"
kernel = "sweep.bin"
"""


def card_and_disk(directory):
    """A card with nobody else on its network and a ROM with a pattern, and a disk with
    one. No firmware takes the ROM's first bytes for a program's.
    """
    (directory / "card.rom").write_bytes(bytes(i * 11 % 241 for i in range(ROM_BYTES)))
    (directory / "disk.img").write_bytes(bytes(i * 7 % 251 for i in range(65536)) +
                                         bytes(DISK_BYTES - 65536))
    return (
        "pci: enabled=1, chipset=i440fx, slot1=e1000",
        "e1000: enabled=1, mac=52:54:00:12:34:57, ethmod=null, "
        f'bootrom="{directory}/card.rom"',
        "ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15",
        f'ata1-master: type=disk, path="{directory}/disk.img", mode=flat, '
        "cylinders=32, heads=16, spt=63",
    )


def test_whatever_a_guest_does_with_its_devices_it_costs_itself_alone(machine, guests, tmp_path):
    files = {name: guests / name for name in ("assigned.bin", "witness.bin", "sweep.bin")}
    rig = machine(HOSTILE, files, cpus=3, memory_mib=256, more=card_and_disk(tmp_path)).announced()
    rig.says(r"assigned: owns 00:02.0 \(8086:100e\) as 00:01.0, no reset")
    rig.says(r"assigned: owns 00:01.1 \(8086:7010\) as 00:02.0, no reset")
    rig.expect("^assigned: life 2\r", 240, "the second life")
    rig.expect("^assigned: done\r", 120, "the end of it")
    focus(rig, "sweep", "3")
    rig.expect("^sweep: done\r", 240, "the sweep to finish")
    focus(rig, "witness", "2")
    rig.send("status\r")
    status = rig.expect(r"^witness: status ([^\r\n]*)\r\n", 60, "the witness to answer")
    found = dict(re.findall(r"(\w+)=(\d+)", status[1].decode()))
    rig.send("quit\r")
    rig.expect_end("end: ok", 120)
    assert "FAIL" not in rig.text(), rig.text()
    assert found["broken"] == found["unexpected"] == found["nmis"] == "0", found
    assert int(found["ticks"]) > 0, found
