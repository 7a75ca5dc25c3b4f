# SPDX-License-Identifier: MIT
"""A guest that manages the others by the monitor on its COM2: guest/manager.c.

Good, it lists, stops and starts; bad, it costs itself and nobody else.
"""

import re

import pytest

from places import ROOT  # noqa: F401 (its import makes the tools importable)

CONFIG = """\
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "manager"
cpus = [0]
memory = "16M"
kernel = "manager.bin"
manager = true

[[vm]]
name = "triple"
cpus = [1]
memory = "16M"
kernel = "triple.bin"

[[vm]]
name = "witness"
cpus = [2]
memory = "16M"
kernel = "witness.bin"
"""
LATE_TICKS_MAX = 1000       # of the witness's timer; undisturbed it is 45
PROMPT = r"monitor> \x1b\[K"


def start(machine, guests, cpus=3, config=CONFIG):
    """With three CPUs the console's is the manager's; with four it is nobody's."""
    files = {name: guests / name for name in ("manager.bin", "triple.bin", "witness.bin")}
    rig = machine(config, files, cpus=cpus, memory_mib=256).announced()
    rig.expect("^manager: ready", 60)
    return rig


def focus(rig, number, name):
    rig.send(f"\x1d{number}")
    rig.says(f"console: {name} ")


def manage(rig, command):
    """What the monitor on COM2 answers."""
    start_at = rig.console.position
    rig.send(command + "\r")
    rig.expect(r"^manager: > [^\r\n]*", 30, f"the answer to {command!r} on COM2")
    return bytes(rig.console.received[start_at:rig.console.position]).decode(errors="replace")


def was_said(rig, pattern):
    """By the hypervisor, perhaps while an answer was shown."""
    line = re.compile(rf"^\[bulkhead {rig.code}\] {pattern}", re.MULTILINE)
    rig.wait_until(lambda: line.search(rig.text()), 30, pattern)


def ask(rig, command):
    """What the user's monitor answers, which is open."""
    start_at = rig.console.position
    rig.send(command + "\r")
    rig.expect(r"\r\n", 30, f"the echo of {command!r}")
    rig.expect(PROMPT, 30, f"the answer to {command!r}")
    return bytes(rig.console.received[start_at:rig.console.position]).decode(errors="replace")


def open_monitor(rig):
    rig.send("\x1dm")
    rig.says("monitor: ")
    rig.expect(PROMPT)


def row(listing, name):
    return re.search(rf"(?:^|\| ){name} +(.*)", listing, re.MULTILINE)[1].split()


def witness_status(rig):
    focus(rig, 3, "witness")
    rig.send("status\r")
    match = rig.expect(r"^witness: status ([^\r\n]*)\r\n", 60, "the witness to answer")
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", match[1].decode())}


def assert_untouched(rig):
    status = witness_status(rig)
    assert status["ticks"] > 0 and status["late_max"] < LATE_TICKS_MAX, status
    assert status["broken"] == status["unexpected"] == status["nmis"] == 0, status


def test_a_manager_rules_the_lives_of_others(machine, guests):
    rig = start(machine, guests)
    assert "manager: COM2 is connected" in rig.text()
    assert row(manage(rig, "list"), "triple")[0] == "running"
    assert "triple: stops" in manage(rig, "stop triple")
    was_said(rig, r"triple: stopped \(the user's command")
    assert row(manage(rig, "list"), "triple")[0] == "stopped"
    assert "triple: starts" in manage(rig, "start triple")
    assert row(manage(rig, "list"), "triple")[0] == "running"
    assert "triple: restarts" in manage(rig, "restart triple")
    was_said(rig, r"triple: restarts \(the user's command")
    assert "triple: paused" in manage(rig, "pause triple")
    assert row(manage(rig, "list"), "triple")[0] == "paused"
    assert "triple: goes on" in manage(rig, "resume triple")
    # What is not lives, or not another's, it is refused.
    for command, reason in (("dump triple 0x100000 64", "itself only"),
                            ("trace triple", "itself only"), ("log triple", "itself only"),
                            ("pause manager", "cannot .pause. itself"),
                            ("console triple", "user at the console"),
                            ("poweroff", "user at the console"),
                            ("reboot", "user at the console"), ("exit", "user at the console")):
        assert re.search(reason, manage(rig, command)), command
    shown = manage(rig, "show triple")
    assert "registers and exits: for the user" in shown and "RIP" not in shown, shown
    assert re.search(r"RIP [0-9a-f]{16}", manage(rig, "show manager"))
    assert re.search(r"000000100000  [0-9a-f]{2} ", manage(rig, "dump manager 0x100000 16"))
    assert_untouched(rig)
    focus(rig, 2, "triple")
    rig.send("x")
    rig.expect("^triple: doing x", 30)
    focus(rig, 1, "manager")
    assert row(manage(rig, "list"), "triple")[0] == "stopped"
    # Itself it may restart, too.
    rig.send("restart manager\r")
    rig.says(r"manager: restarts \(the user's command")
    rig.expect("^manager: ready", 60)
    assert row(manage(rig, "list"), "manager")[-1] == "1"
    rig.send("\x1dq")
    rig.expect_end("end: crashed")


def test_a_guest_that_is_no_manager_has_the_ordinary_com2(machine, guests):
    rig = start(machine, guests, config=CONFIG.replace("manager = true\n", ""))
    assert "manager: COM2 is not connected" in rig.text()
    rig.send("list\r")
    assert rig.expect(r"^manager: > ([^\r\n]*)", 30)[1] == b""
    assert "| " not in rig.text()
    rig.send("\x1dq")
    rig.expect_end("end: ok")


@pytest.mark.parametrize("cpus", [3, 4])
def test_a_bad_manager_costs_itself_only(machine, guests, cpus):
    rig = start(machine, guests, cpus)
    for how in "gcop":
        rig.send(f"!{how}\r")
        rig.expect(f"^manager: misbehaving {how}", 30)
        open_monitor(rig)
        for _ in range(5):
            assert row(ask(rig, "list"), "witness")[0] == "running"
        assert "witness: running" in ask(rig, "show witness")
        assert_untouched(rig)
        focus(rig, 1, "manager")
        rig.send(" ")
        rig.expect(f"^manager: misbehaved {how}", 60)
        open_monitor(rig)
        ask(rig, "restart manager")     # what it sent, and has not read, goes with it
        focus(rig, 1, "manager")
        rig.expect("^manager: ready", 60)
        assert row(manage(rig, "list"), "witness")[0] == "running"
    rig.send("!r\r")
    rig.says(r"manager: restarts \(reset by port CF9h\)")
    rig.expect("^manager: ready", 60)
    answer = manage(rig, "list")
    assert row(answer, "witness")[0] == "running" and "vCPU" not in answer, answer
    assert_untouched(rig)
    rig.send("\x1dq")
    rig.expect_end("end: ok")
