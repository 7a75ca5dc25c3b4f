# SPDX-License-Identifier: MIT
"""A hostile guest floods its console, the log, its watchdog and with resets, on two
vCPUs: the monitor answers meanwhile, and a neighbour does not notice.

BULKHEAD_FLOOD_SECONDS is for how long, in the guests' time.
"""

import os

import pytest

from rig import TIME_FACTOR
from test_monitor import ask, open_monitor, row, status_of

SECONDS = int(os.environ.get("BULKHEAD_FLOOD_SECONDS", "2"))
TICK_MS = 10                        # the witness' ticks are its clock
# A round is four answers, three of them the monitor's: 4,096 bytes of lines may go before
# the one of the witness, 256 before each of the others, and the rest of a line before
# all; with the answers these are 5,700 bytes at 11.5 a millisecond. The witness looks each
# 10 ms. A slow host types late, while the guests' time goes on.
ANSWER_MAX_MS = 600 * TIME_FACTOR
LATE_MAX_MS = 5                     # the witness' own complaint comes at 50
TSC_PER_MS = 100_000

KINDS = {"console": 1, "log": 2, "watchdog": 4, "resets": 8, "all": 15}

# The CPU without a guest is the console's.
CONFIG = """\
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "witness"
cpus = [1]
memory = "16M"
kernel = "witness.bin"

[[vm]]
name = "flood"
cpus = [2, 3]
memory = "16M"
kernel = "flood.bin"
cmdline = "what={what}"
watchdog = true
start = "manual"
restart_limit = "100 in 1s"
"""


def focus_witness(rig):
    rig.send("\x1d1")
    rig.says("console: witness", 120)


def age_ms(rig):
    focus_witness(rig)
    return status_of(rig)["ticks"] * TICK_MS


def stop(rig):
    """One order, whether it runs or is just ending; it takes the time of an end."""
    assert "flood: stops" in ask(rig, "stop flood", 120)
    for _ in range(10):
        if row(ask(rig, "list", 120), "flood")[1] == "stopped":
            return
    raise AssertionError("the guest that floods was not stopped")


@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_costs_nobody_else(machine, guests, kind):
    files = {name: guests / name for name in ("witness.bin", "flood.bin")}
    rig = machine(CONFIG.replace("{what}", str(KINDS[kind])), files, cpus=4, memory_mib=256)
    rig.announced().says('flood: waits for "start flood"', 60)
    rig.expect("^witness: intact", 60)
    open_monitor(rig)
    ask(rig, "start flood")
    begin, worst, answers = age_ms(rig), 0, 0
    now = begin
    while now < begin + 1000 * SECONDS:
        before = now
        open_monitor(rig)
        assert row(ask(rig, "list", 120), "witness")[1] == "running"
        now = age_ms(rig)
        worst, answers = max(worst, now - before), answers + 1
    open_monitor(rig)
    restarts = int(row(ask(rig, "list", 120), "flood")[-1])
    assert (restarts > 0) == (kind in ("resets", "all"))
    stop(rig)
    focus_witness(rig)
    status = status_of(rig)
    print(f"{kind}: in {now - begin} ms {answers} answers, the slowest within {worst} ms; {restarts} "
          f"restarts; a tick at most {status['late_max']} TSC ticks late")
    assert status["broken"] == status["unexpected"] == status["nmis"] == 0, status
    assert status["late_max"] <= LATE_MAX_MS * TSC_PER_MS, status
    assert worst <= ANSWER_MAX_MS
    rig.send("\x1dq")
    rig.expect_end("end: ok", 120)
