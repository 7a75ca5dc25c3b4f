# SPDX-License-Identifier: MIT
"""As many guests as there can be: what the hypervisor takes for itself, and how long a
guest of 256 MiB takes to start again. One tick of this machine is one instruction.
"""

import re

from places import KERNEL
from test_monitor import ask, open_monitor

GUESTS_MAX = 8
HYPERVISOR_KIB_MAX = 4096           # besides the image
RESTART_TICKS_PER_BYTE_MAX = 0.2    # a quadword is zeroed by a tick

GUEST = '[[vm]]\nname = "g{}"\ncpus = 1\nmemory = "{}"\nkernel = "triple.bin"\n{}\n'
CONFIG = ('[hypervisor]\nwhen_all_stopped = "poweroff"\n' + GUEST.format(0, "256M", "") +
          "".join(GUEST.format(i, "16M", 'start = "manual"') for i in range(1, GUESTS_MAX)))


def test_eight_guests_and_a_large_one_that_restarts(machine, guests):
    rig = machine(CONFIG, {"triple.bin": guests / "triple.bin"}, cpus=GUESTS_MAX, memory_mib=640)
    kib = int(rig.announced().says(r"hypervisor memory: (\d+) KiB besides the image", 60)[1])
    rig.expect("^triple: ready", 120)
    open_monitor(rig)
    ask(rig, "restart g0", 60)
    rig.send("console g0\r")
    rig.expect("^triple: memory clean", 120)
    open_monitor(rig)
    us = int(re.search(r"the last time in (\d+) us", ask(rig, "show g0", 60))[1])
    ticks = us * 100
    print(f"{GUESTS_MAX} guests: {kib} KiB besides an image of {KERNEL.stat().st_size} bytes; a guest of "
          f"256 MiB starts again in {ticks} ticks")
    assert kib <= HYPERVISOR_KIB_MAX
    assert ticks <= RESTART_TICKS_PER_BYTE_MAX * (256 << 20)
    rig.send("\x1dq")
    rig.expect_end("end: ok", 120)
