# SPDX-License-Identifier: MIT
"""How guests end: each way once, beside one that must not notice.

guest/triple.c ends as the letter typed at it says.
"""

import re

import pytest

from places import ROOT

CONFIG = (ROOT / "guest" / "lifecycle.toml").read_text()

# v leaves every interrupt vector pending, which must not become anybody's.
RESTARTS = {"r": "reset by port CF9h", "v": "reset by port CF9h", "k": "reset by the keyboard controller",
            "f": "reset by port 92h"}

# Letter -> why the guest was stopped.
CRASHES = {
    "t": "triple fault",
    "u": "it executes from an address without memory",
    "x": "it executes from an address without memory",
    "i": "the delivery of an event touched an address without memory",
    "s": "the delivery of an event touched an address without memory",
    "c": "its paging structures are at an address without memory",
    "m": "an access to an address without memory by an instruction that is not emulated",
}


def files(guests):
    return {name: guests / name for name in ("triple.bin", "witness.bin")}


def start(machine, guests):
    rig = machine(CONFIG, files(guests), cpus=2, memory_mib=256).announced()
    rig.expect("^triple: ready", 60)
    return rig


def witness_is_intact(rig, key, name="witness"):
    rig.send(f"\x1d{key}")
    rig.says(f"console: {name}")
    rig.send("status\r")
    match = rig.expect(r"^witness: status ([^\r\n]*)\r\n", 60, "the witness to answer")
    status = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", match[1].decode())}
    assert status["ticks"] > 0, status
    assert status["broken"] == status["unexpected"] == status["nmis"] == 0, status
    assert "witness: FAIL" not in rig.text()


def test_a_restarted_guest_finds_its_memory_clean(machine, guests):
    rig = start(machine, guests)
    for letter, reason in [*RESTARTS.items(), *RESTARTS.items()]:
        rig.send(letter)
        rig.says(f"triple: restarts \\({reason}\\)")
        rig.expect("^triple: memory clean", 60)
        rig.expect("^triple: ready", 60)
    assert "memory dirty" not in rig.text()
    rig.send("p")
    rig.says(r"triple: powered off \(ACPI S5\)")
    witness_is_intact(rig, "2")
    rig.send("quit\r")
    rig.expect_end("end: ok")


def crash_config():
    """As many guests as there are ways to crash, and the witness."""
    guest = '[[vm]]\nname = "{}"\ncpus = 1\nmemory = "16M"\nkernel = "{}.bin"\n'
    names = [guest.format(letter, "triple") for letter in CRASHES]
    return '[hypervisor]\nwhen_all_stopped = "poweroff"\n' + "".join(
        names + [guest.format("witness", "witness")])


def test_a_guest_that_crashes_is_stopped_with_a_report(machine, guests):
    rig = machine(crash_config(), files(guests), cpus=len(CRASHES) + 1, memory_mib=384).announced()
    for number, (letter, reason) in enumerate(CRASHES.items(), 1):
        rig.send(f"\x1d{number}")
        rig.says(f"console: {letter} ")
        rig.expect("^triple: ready", 120)
        rig.send(letter)
        rig.says(f"{letter}: vCPU 0: {reason}", 60)
        rig.says("exit reason [0-9]+ .*qualification ")
        rig.says("RIP [0-9a-f]{16}")
        rig.says("RAX [0-9a-f]{16}")
        rig.says("CR0 [0-9a-f]+ +CR3 [0-9a-f]+")
        rig.says("code at RIP: ")
        rig.says(f"{letter}: stopped after an error \\({reason}\\)")
    assert "still running" not in rig.text()
    witness_is_intact(rig, str(len(CRASHES) + 1))
    rig.send("quit\r")
    rig.expect_end("end: crashed")


def test_a_crash_shows_the_code_that_did_it(machine, guests):
    rig = start(machine, guests)
    rig.send("t")
    rig.says("code at RIP: 0f 0b", 60, "the UD2 of the triple fault")
    rig.send("\x1dq")
    rig.expect_end("end: crashed")


@pytest.mark.parametrize("policy", ["poweroff", "reboot", "wait"])
def test_the_machine_does_what_was_asked_when_all_have_stopped(machine, guests, policy):
    config = CONFIG.replace('"poweroff"', f'"{policy}"')
    config = config[:config.rindex("[[vm]]")]           # without the witness
    rig = machine(config, {"triple.bin": guests / "triple.bin"}, cpus=1, memory_mib=128)
    rig.announced().expect("^triple: ready", 60)
    rig.send("p")
    if policy == "poweroff":
        rig.expect_end("end: ok")
    elif policy == "reboot":
        rig.says("end: ok")
        rig.expect(r"\[bulkhead \S{4}\] Bulkhead ", 90, "the machine to boot again")
    else:
        rig.says("all guests have stopped")
        rig.still_silent("end:", 3)
        rig.send("\x1dq")
        rig.console.wait_closed(60, "the machine to switch itself off")
