# SPDX-License-Identifier: MIT
"""A guest that starts again and again beside Debian's Linux, which computes.

BULKHEAD_LIVES is how often; the long run has 1000.
"""

import os
import re

from test_linux import prompt, wait_for_shell
from test_monitor import ask, open_monitor, row

LIVES = int(os.environ.get("BULKHEAD_LIVES", "150"))
JOB_BYTES = 512 << 10
# What the neighbour may lose of its time to the other's restarts.
SLOWER_MAX = 1.02

# The console's CPU is the first: so it is not Linux that it calls.
CONFIG = f"""\
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "lives"
cpus = [0]
memory = "16M"
kernel = "lives.bin"
cmdline = "lives={LIVES}"
start = "manual"

[[vm]]
name = "linux"
cpus = [1]
memory = "128M"
kernel = "vmlinuz"
initrd = "initrd"
cmdline = "console=ttyS0,115200 bulkhead.guest=linux cryptomgr.notests \
initcall_blacklist=load_system_certificate_list"
"""

# A line of the shell each, short enough that none is wrapped. A job says seconds before,
# the sum, and seconds behind it.
FUNCTIONS = ("t() { cut -d' ' -f1 /proc/uptime; }",
             f"s() {{ head -c {JOB_BYTES} /dev/zero | sha256sum; }}",
             "job() { echo $(t; s; t); }",
             "loop() { until [ -e /tmp/o ]; do job; done >/tmp/j; >/tmp/d; }")


def times_and_sums(text):
    lines = re.findall(r"^([\d.]+) ([0-9a-f]{64}) - ([\d.]+)$", text, re.MULTILINE)
    return [float(after) - float(before) for before, _, after in lines], {line[1] for line in lines}


def test_restarts_leave_a_neighbour_that_computes_alone(machine, guests, demo):
    files = {"lives.bin": guests / "lives.bin", "vmlinuz": demo / "vmlinuz",
             "initrd": demo / "initrd"}
    rig = machine(CONFIG, files, cpus=2, memory_mib=384).announced()
    rig.says('lives: waits for "start lives"', 60)
    rig.send("\x1d2")
    wait_for_shell(rig, "linux")
    for function in FUNCTIONS:
        rig.run(prompt("linux"), function, 60)
    alone, sums = times_and_sums(rig.run(prompt("linux"), "job; job", 300))
    assert len(alone) == 2 and len(sums) == 1
    open_monitor(rig)
    memory, devices = ask(rig, "memory", 60), ask(rig, "devices", 60)
    rig.send("console linux\r")
    rig.says("console: linux")
    rig.send("\n")
    rig.run(prompt("linux"), "loop &", 60)
    open_monitor(rig)
    ask(rig, "start lives")
    while int(row(ask(rig, "list", 120), "lives")[-1]) < LIVES - 1:
        pass
    assert row(ask(rig, "list"), "lives")[1] == "running"
    assert ask(rig, "memory", 60) == memory and ask(rig, "devices", 60) == devices
    rig.send("console linux\r")
    rig.says("console: linux")
    rig.send("touch /tmp/o\n")
    rig.run(prompt("linux"), "until [ -e /tmp/d ]; do sleep 1; done", 300)
    beside, with_them = times_and_sums(rig.run(prompt("linux"), "cat /tmp/j", 60))
    print(f"{LIVES} lives beside {len(beside)} sums: {max(alone)} s alone, "
          f"{min(beside)} to {max(beside)} s beside")
    assert len(beside) >= 3 and with_them == sums
    # The last one shared Linux' CPU with the shell that asked for the end; a hundredth
    # of a second is what Linux can tell.
    assert max(beside[:-1]) <= SLOWER_MAX * max(alone) + 0.01
    rig.send("\x1d1")
    rig.says("console: lives")
    rig.expect(f"^lives: life {LIVES} goes on", 30)
    assert "dirty words" not in rig.text()
    rig.send("\x1dq")
    rig.expect_end("end: ok", 120)
