# SPDX-License-Identifier: MIT
"""Guests that start when others are ready: by a write to a port, then by a line."""

from test_lifecycle import witness_is_intact
from test_monitor import ask, open_monitor, row

GUEST = '[[vm]]\nname = "{}"\ncpus = 1\nmemory = "16M"\nkernel = "{}.bin"\n{}\n'
# The last one first, so that the order of the file is not what makes them start so.
CONFIG = "".join(['[hypervisor]\nwhen_all_stopped = "poweroff"\n',
                  GUEST.format("third", "witness", 'after = ["second", "first"]'),
                  GUEST.format("second", "triple", 'after = ["first"]\nready = "clean: "'),
                  GUEST.format("first", "triple", "ready_port = 0x510")])


def test_guests_start_when_those_before_them_are_ready(machine, guests):
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    rig = machine(CONFIG, files, cpus=4, memory_mib=256).announced()
    rig.says("third: waits for second, first")
    rig.says("second: waits for first")
    rig.says("1 guests start")
    rig.send("\x1d3")
    rig.says("console: first")
    rig.expect("^triple: ready", 60)
    open_monitor(rig)
    listing = ask(rig, "list")
    assert row(listing, "first")[1] == "running", listing
    assert row(listing, "second")[1] == row(listing, "third")[1] == "waiting", listing
    assert "waits for second, first" in ask(rig, "show third")
    assert "started 0 times" in ask(rig, "show second")
    rig.send("console first\r")
    rig.says("console: first")
    rig.send("o")
    rig.says("second: starts, as first is ready")
    rig.says("third: starts, as second is ready", 60)
    rig.send("ooor")                # a flood, and another life
    rig.says("first: restarts")
    rig.expect("^triple: ready", 60)
    rig.send("o")
    rig.still_silent("starts, as", 3)
    open_monitor(rig)
    listing = ask(rig, "list")
    assert all(row(listing, name)[1] == "running" for name in ("first", "second", "third")), listing
    assert row(listing, "second")[-1] == row(listing, "third")[-1] == "0", listing
    rig.send("console third\r")
    rig.says("console: third")
    rig.send("\x1d3")
    witness_is_intact(rig, "1", "third")
    rig.send("\x1dq")
    rig.expect_end("end: ok")
