# SPDX-License-Identifier: MIT
"""The monitor over the serial line, beside guests that run."""

import os
import re

from places import ROOT

CONFIG = (ROOT / "guest" / "lifecycle.toml").read_text()
PROMPT = r"monitor> \x1b\[K"

# Restarts of one guest beside a working neighbour; the long run has 1000.
RESTARTS = int(os.environ.get("BULKHEAD_RESTARTS", "25"))


def start(machine, guests, config=CONFIG):
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    rig = machine(config, files, cpus=3, memory_mib=256).announced()
    rig.expect("^triple: ready", 60)
    return rig


def open_monitor(rig):
    rig.send("\x1dm")
    rig.says("monitor: ")
    rig.expect(PROMPT)
    return rig


def ask(rig, command, timeout_s=30):
    """The answer, without the line that was typed."""
    start_at = rig.console.position
    rig.send(command + "\r")
    rig.expect(r"\r\n", timeout_s, f"the echo of {command!r}")
    rig.expect(PROMPT, timeout_s, f"the answer to {command!r}")
    return bytes(rig.console.received[start_at:rig.console.position]).decode(errors="replace")


def status_of(rig):
    rig.send("status\r")
    match = rig.expect(r"^witness: status ([^\r\n]*)\r\n", 60, "the witness to answer")
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", match[1].decode())}


def row(listing, name):
    return next(line.split() for line in listing.splitlines() if line.startswith(name + " "))


def test_every_question_is_answered(machine, guests):
    rig = open_monitor(start(machine, guests))
    assert "poweroff" in ask(rig, "help")
    listing = ask(rig, "list")
    assert row(listing, "triple")[1] == row(listing, "witness")[1] == "running", listing
    shown = ask(rig, "show witness")
    assert re.search(r"RIP [0-9a-f]{16}  RSP [0-9a-f]{16}", shown), shown
    assert re.search(r"CR0 [0-9a-f]+  CR3 [0-9a-f]+", shown), shown
    assert re.search(r"vCPU 0 +\d+: -\d+ us I/O instruction, RIP [0-9a-f]+", shown), shown
    ask(rig, "pause triple")    # so that the numbers hold still
    stats = ask(rig, "stats triple", 60)
    count, low, mean, high = map(int, re.search(r"I/O instruction +(\d+) +(\d+) +(\d+) +(\d+)",
                                                stats).groups())
    assert count > 0 and 50 < low <= mean <= high, stats
    drawn = re.search(r"I/O instruction .*\r\n((?: +\d+ to \d+ +\d+ #+\r\n)+)", stats)[1]
    buckets = [(int(n), len(bar)) for n, bar in re.findall(r" (\d+) (#+)\r\n", drawn)]
    assert sum(n for n, _ in buckets) == count, stats
    assert max(buckets)[1] == 40, stats
    assert len(re.findall(r"^  vCPU 0 +\d+: -\d+ us ", ask(rig, "trace triple", 120),
                          re.MULTILINE)) == 256
    ask(rig, "resume triple")
    assert "triple" in ask(rig, "memory") and "hypervisor" in ask(rig, "memory")
    assert re.search(r"00:00\.0  8086:[0-9a-f]{4}", ask(rig, "devices"))
    assert "guests start" in ask(rig, "log", 60)
    assert re.search(r"000000100000  [0-9a-f]{2} ", ask(rig, "dump witness 0x100000 64"))
    assert "did you mean" in ask(rig, "shwo witness")
    rig.send("sh\tw\t\r")
    rig.expect("witness: running", 30, "Tab to complete command and name")
    rig.expect(PROMPT)
    rig.send("poweroff\r")
    rig.expect_end("end: ok")


def test_orders_reach_one_guest_and_no_other(machine, guests):
    rig = open_monitor(start(machine, guests))
    assert "triple: paused" in ask(rig, "pause triple")
    assert row(ask(rig, "list"), "triple")[1] == "paused"
    rig.send("console triple")
    rig.expect("console triple")
    rig.send("\r")              # by itself: the wire takes all that follows at once
    rig.says("console: triple")
    rig.send("r")               # not read while it is paused
    rig.still_silent("triple: doing", 3)
    open_monitor(rig)
    assert "triple: goes on" in ask(rig, "resume triple")
    rig.says(r"triple: restarts \(reset by port CF9h\)")
    assert "triple: stops" in ask(rig, "stop triple")
    rig.says(r"triple: stopped \(the user's command")
    assert row(ask(rig, "list"), "triple")[1] == "stopped"
    ask(rig, "start triple")
    rig.send("console triple\r")
    rig.expect("^triple: memory clean", 60)
    rig.expect("^triple: ready", 60)
    open_monitor(rig)
    ask(rig, "restart triple")
    rig.send("console witness\r")
    rig.says("console: witness")
    status = status_of(rig)
    assert status["ticks"] > 0, status
    assert status["broken"] == status["unexpected"] == status["nmis"] == 0, status
    open_monitor(rig)
    ask(rig, "nmi witness")
    rig.send("console witness\r")
    rig.says("console: witness")
    assert status_of(rig)["nmis"] == 1
    rig.send("\x1dq")
    rig.expect_end("end: ok")


def test_many_restarts_leave_nothing_behind(machine, guests):
    rig = open_monitor(start(machine, guests))
    for number in range(1, RESTARTS + 1):
        ask(rig, "restart triple")
        while int(row(ask(rig, "list"), "triple")[-1]) < number:
            pass
    memory = ask(rig, "memory")
    assert memory == ask(rig, "memory")
    taken = re.search(r"the last time in (\d+) us", ask(rig, "show triple"))
    print(f"restart of a 16 MiB guest to its first instruction: {taken[1]} us")
    rig.send("console witness\r")
    rig.says("console: witness")
    status = status_of(rig)
    assert status["broken"] == status["unexpected"] == status["nmis"] == 0, status
    rig.send("\x1dq")
    rig.expect_end("end: ok")


def test_a_crash_loop_ends_at_its_limit(machine, guests):
    config = CONFIG.replace('kernel = "triple.bin"', 'kernel = "triple.bin"\n'
                            'restart = "on-crash"\nrestart_limit = "2 in 3600s"')
    rig = start(machine, guests, config)
    for _ in range(2):
        rig.send("t")
        rig.says(r"triple: restarts \(triple fault\)", 60)
        rig.expect("^triple: memory clean", 60)
        rig.expect("^triple: ready", 60)
    rig.send("t")
    rig.says("triple: it was restarted 2 times within 3600 s; it stays stopped", 60)
    open_monitor(rig)
    assert "CPUID" in ask(rig, "show triple") or "triple fault" in ask(rig, "show triple")
    ask(rig, "start triple")
    rig.send("console triple\r")
    rig.expect("^triple: ready", 60)
    rig.send("\x1dq")
    rig.expect_end("end: crashed")


def test_a_guest_can_wait_for_the_user_and_the_user_reboots(machine, guests):
    config = CONFIG.replace('kernel = "triple.bin"', 'kernel = "triple.bin"\nstart = "manual"')
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    rig = machine(config, files, cpus=2, memory_mib=256).announced()
    rig.says('triple: waits for "start triple" in the monitor', 60)
    open_monitor(rig)
    listing = ask(rig, "list")
    assert row(listing, "triple")[1] == "stopped" and row(listing, "witness")[1] == "running"
    ask(rig, "start triple")
    rig.send("console triple\r")
    rig.expect("^triple: ready", 60)
    open_monitor(rig)
    rig.send("reboot\r")
    rig.says("end: ok", 60)
    rig.expect(r"\[bulkhead \S{4}\] Bulkhead ", 90, "the machine to boot again")
