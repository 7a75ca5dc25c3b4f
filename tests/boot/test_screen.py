# SPDX-License-Identifier: MIT
"""The screen: whatever mode the boot loader sets, it shows what the serial line
says; guests' consoles, too; and it is enough without a serial line.

QEMU sets every mode, but without VT-x it shows no guest; Bochs runs guests, with text
on its VNC display, and with pixels in a window of an X server.
"""

import pytest

from places import BUILD, ROOT
from screen import Screen
from xserver import BOCHS_OPTION, XServer

CONFIG = (ROOT / "guest" / "lifecycle.toml").read_text()
REFUSAL = r"\[bulkhead .{4}\] halted: this machine cannot run guests"
MONITOR = ("-monitor", "unix:monitor,server,nowait")


def files(guests):
    return {name: guests / name for name in ("triple.bin", "witness.bin")}


@pytest.mark.parametrize("firmware,mode", [
    ("seabios", "text"), ("seabios", "1024x768x32"), ("seabios", "800x600x24"),
    ("seabios", "800x600x16"), ("seabios", "640x480x15"), ("ovmf", "")])
def test_a_refusal_is_on_the_screen(machine, guests, firmware, mode):
    rig = machine(CONFIG, files(guests), on="qemu-tcg", firmware=firmware, screen=mode,
                  more=MONITOR)
    rig.expect_halt("this machine cannot run guests", 120)
    screen = Screen(rig, text_mode=mode == "text")
    screen.expect(REFUSAL)
    told = rig.text().replace("\n", "")
    for line in screen.lines():
        assert line.strip() in told, line


def test_a_panic_is_on_the_screen(machine):
    rig = machine("", cpus=2, memory_mib=128, kernel=BUILD / "crash.stripped.elf")
    rig.expect_halt("internal error", 60)
    screen = Screen(rig, text_mode=True)
    screen.expect("This is a bug of Bulkhead, please report it: #PF page fault")
    screen.expect(r"boot_main\+[0-9a-f]+")
    screen.expect("halted: internal error")


def test_screen_and_keyboard_are_enough(machine, guests):
    """No serial line: two guests' consoles, the keys that switch between them, and the
    monitor."""
    config = CONFIG.replace("[hypervisor]", '[hypervisor]\nconsole_port = "none"')
    rig = machine(config, files(guests), cpus=2, memory_mib=256)
    screen = Screen(rig, text_mode=True)
    screen.expect("^triple: ready", 120)
    screen.type("\x1dn")
    screen.expect("^witness: intact [0-9]")
    screen.type("Aa1\r")
    screen.expect("^witness: heard 416131")
    screen.type("\x1d1")
    screen.expect(r"^\[bulkhead .{4}\] console: triple \(guest 1\)")
    screen.type("\x1dm")
    screen.expect("^monitor> *$")
    screen.type("lis\t\r")
    screen.expect("^witness +running ")
    screen.type("\x1dq")
    rig.console.wait_closed(60, "the machine to switch itself off")
    assert "triple" not in rig.text(), "something went to the serial line"


def test_keys_and_screen_work_beside_a_serial_line(machine, guests):
    rig = machine(CONFIG, files(guests), cpus=2, memory_mib=256)
    rig.announced().expect("^triple: ready", 60)
    screen = Screen(rig, text_mode=True)
    screen.expect("^triple: ready")
    screen.type("\x1d2")
    rig.says(r"console: witness \(guest 2\)")
    rig.send("ab\r")
    screen.expect("^witness: heard 6162")
    screen.type("cd\r")
    rig.expect("^witness: heard 6364", 60)


@pytest.fixture
def x_server(monkeypatch):
    server = XServer(1280, 1024)
    monkeypatch.setenv("DISPLAY", server.display)
    yield server
    server.stop()


def test_guests_are_on_a_screen_of_pixels(machine, guests, x_server):
    """And a screen that is drawn costs who prints: its neighbour's ticks are in time."""
    rig = machine(CONFIG, files(guests), cpus=2, memory_mib=256, screen="1024x768x32",
                  more=(BOCHS_OPTION,))
    rig.announced().says("screen: 1024x768 pixels")
    rig.expect("^triple: ready", 60)
    screen = Screen(rig, text_mode=False, x_server=x_server)
    screen.expect("^triple: ready")
    screen.type("?")
    screen.expect("^triple: .*t triple fault, r reset")
    rig.send("\x1d2")
    screen.expect(r"^\[bulkhead .{4}\] console: witness \(guest 2\)")
    screen.expect("^witness: intact 1")
    before, _, _ = rig.text().partition("witness: intact 1")
    assert "tick late" not in before
    rig.send("\x1dq")
    rig.expect_end("end: ok", 60)
