# SPDX-License-Identifier: MIT
"""A hostile guest tries everything, beside one that must not notice.

guest/sweep.c says what it found from inside, guest/witness.c whether anything
reached it. That the sweep can fail was seen on a bare machine (guest/native),
where it finds VGA memory, the PIC and VMX.
"""

import re

from places import ROOT

CONFIG = (ROOT / "guest" / "isolation.toml").read_text()
SWEEPS = ("own memory", "memory", "ports", "string ports", "PCI", "MSRs", "instruction", "cache",
          "IPI", "its own IPIs arrive", "CPUID", "control register", "XSETBV")
DENIED_LINES_MAX = 64 + 1       # and the one that says that no more follow


def start(machine, guests):
    files = {name: guests / name for name in ("sweep.bin", "witness.bin")}
    return machine(CONFIG, files, cpus=2, memory_mib=256).announced()


def witness_status(rig):
    """What the witness says about itself, as numbers by name."""
    rig.send("\x1d2")
    rig.says("console: witness")
    rig.send("status\r")
    match = rig.expect(r"^witness: status ([^\r\n]*)\r\n", 60, "the witness to answer")
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", match[1].decode())}


def test_a_guest_reaches_nothing_that_is_not_its_own(machine, guests):
    rig = start(machine, guests)
    rig.expect("^sweep: done", 240, "the sweep to finish")
    rig.says("sweep: powered off")
    status = witness_status(rig)

    text = rig.text()
    assert "FAIL" not in text, text
    for sweep in SWEEPS:
        assert f"sweep: ok {sweep}: " in text
    assert status["ticks"] > 0 and status["passes"] > 0, status
    assert status["broken"] == status["unexpected"] == status["nmis"] == 0, status

    rig.send("quit\r")
    rig.expect_end("end: ok")


def test_what_a_guest_is_refused_is_said_once_and_not_for_ever(machine, guests):
    rig = start(machine, guests)
    rig.expect("^sweep: done", 240, "the sweep to finish")
    prefix = re.escape(f"[bulkhead {rig.code}] ")
    lines = re.findall(rf"^{prefix}sweep: .*(?:does not|no memory|cannot|refused).*$", rig.text(),
                       re.MULTILINE)
    assert 1 < len(lines) <= DENIED_LINES_MAX
    assert len(set(lines)) == len(lines)
    assert "further ones are not" in lines[-1]
