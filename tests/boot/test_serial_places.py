# SPDX-License-Identifier: MIT
"""The console's serial line elsewhere than at COM1 with its interrupt."""

import re

import pytest

from places import ROOT
from screen import Screen

CONFIG = (ROOT / "guest" / "lifecycle.toml").read_text()


def files(guests):
    return {name: guests / name for name in ("triple.bin", "witness.bin")}


def placed(where):
    return CONFIG.replace("[hypervisor]", f"[hypervisor]\nconsole_port = {where}")


def test_a_uart_on_a_pci_card_is_the_console(machine, guests):
    rig = machine(placed('"pci:00:05.0"'), files(guests), on="qemu-tcg",
                  more=("-chardev", "file,id=card,path=card.log",
                        "-device", "pci-serial,chardev=card,addr=5", "-monitor",
                        "unix:monitor,server,nowait"))
    log = rig.machine.directory / "card.log"

    def said():
        rig.console.pump(0.2)
        return log.read_bytes() if log.exists() else b""
    rig.wait_until(lambda: b"halted: " in said(), 120, "the halt to be said on the card")
    assert re.search(rb"^\[bulkhead .{4}\]   x2APIC +required", said(), re.MULTILINE)
    assert "[bulkhead" not in rig.text()


@pytest.mark.parametrize("where,reason", [
    ('"pci:00:09.0"', "there is no such PCI function"),
    ('"pci:00:1f.0"', "no ports, and no memory below 4 GiB"),
    ('"mmio:0x1000000"', "RAM is where"),
    ('"mmio32:0xfe032000"', "nothing answers as a UART")])
def test_a_wrong_place_is_said_on_the_screen(machine, guests, where, reason):
    config = placed(where).replace("[hypervisor]", "[hypervisor]\ninventory = false", 1)
    rig = machine(config, files(guests), on="qemu-tcg", screen="1920x1080x32",
                  more=("-monitor", "unix:monitor,server,nowait"))
    screen = Screen(rig, text_mode=False)
    screen.expect("halted: this machine cannot run guests", 120)
    assert reason in "".join(screen.lines())


def test_a_port_whose_interrupt_nobody_knows_is_looked_at_by_a_tick(machine, guests):
    rig = machine(placed("0x3f8"), files(guests), cpus=2, memory_mib=256)
    rig.announced().expect("^triple: ready", 60)
    rig.send("\x1dn")
    rig.says("console: witness")
    rig.send("ab\r")
    rig.expect("^witness: heard 6162", 30)
