# SPDX-License-Identifier: MIT
"""One serial line for all guests: who has it, and that nothing is lost."""

import re

import pytest

from places import ROOT

CONFIG = (ROOT / "guest" / "lifecycle.toml").read_text()
FLOOD_LINES = 1500             # 87 KiB: more than the hypervisor keeps

WITNESS_ALONE = '[[vm]]\nname = "witness"\ncpus = 1\nmemory = "16M"\nkernel = "witness.bin"\n'


def start(machine, guests, config=CONFIG):
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    return machine(config, files, cpus=2, memory_mib=256).announced()


def test_the_keys_switch_between_guests(machine, guests):
    rig = start(machine, guests)
    rig.expect("^triple: ready", 60, "the first guest, which has the console")
    rig.send("\x1dn")
    rig.says(r"console: witness \(guest 2\)\. Ctrl-\] then: n next guest")
    rig.expect("^witness: watching", 10, "what it said while nobody looked")
    rig.expect("^witness: intact [0-9]+", 60, "what it says now")
    rig.send("\x1dn")
    rig.says(r"console: triple \(guest 1\)")
    rig.still_silent("witness: intact", 5)
    rig.send("\x1d2")
    rig.says(r"console: witness \(guest 2\)")
    rig.send("\x1d7")
    rig.says("there is no guest 7")
    rig.send("\x1d?")
    rig.says("Ctrl-] then: n next guest".replace("]", r"\]"))
    rig.send("\x1d\x1da\r")
    rig.expect("^witness: heard 1d61", 30, "a Ctrl-] to reach the guest")
    rig.send("\x1dq")
    rig.says("the user ends the run")
    rig.expect_end("end: ok")


def test_input_reaches_the_guest_in_focus_only(machine, guests):
    rig = start(machine, guests)
    rig.expect("^triple: ready", 60)
    rig.send("\x1d2")
    rig.says("console: witness")
    rig.send("t\r")             # a triple fault, if the other one read it
    rig.expect("^witness: heard 74", 30)
    rig.still_silent("triple: doing", 3)


@pytest.mark.parametrize("how", ["flood", "rude"])
def test_no_output_is_lost(machine, guests, how):
    """`rude`: the guest does not even ask whether its UART has room."""
    rig = machine(WITNESS_ALONE, {"witness.bin": guests / "witness.bin"}, cpus=1, memory_mib=128)
    rig.announced().expect("^witness: watching", 60)
    rig.send(f"{how}\r")
    rig.expect(f"^witness: flood {FLOOD_LINES} of {FLOOD_LINES}: none .* missing\r\n", 180,
               "the last of the numbered lines")
    numbers = [int(n) for n in re.findall(r"^witness: flood (\d+) of \d+: none of these lines may "
                                          r"be missing$", rig.text(), re.MULTILINE)]
    assert numbers == list(range(1, FLOOD_LINES + 1))


def test_a_guest_without_console_is_left_out(machine, guests):
    config = CONFIG.replace('kernel = "triple.bin"', 'kernel = "triple.bin"\nconsole = false')
    rig = start(machine, guests, config)
    rig.expect("^witness: watching", 60)
    rig.send("\x1dn")
    rig.says("console: witness")
    rig.send("\x1d1")
    rig.says("there is no guest 1 with a console")
    assert "triple: ready" not in rig.text()


def test_the_code_of_the_hypervisors_lines_is_new_at_each_boot(machine, guests):
    codes = set()
    for _ in range(2):
        rig = start(machine, guests)
        codes.add(rig.code)
        rig.stop()
    assert len(codes) == 2
