# SPDX-License-Identifier: MIT
"""A guest's time-stamp counter is its own, and its timers keep that time.

guest/tsc.c tries it from inside, and is then started again.
"""

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "tsc"
cpus = 2
memory = "16M"
kernel = "tsc.bin"
"""


def test_writes_of_the_tsc_count_until_reset_and_timers_follow_them(machine, guests):
    rig = machine(CONFIG, {"tsc.bin": guests / "tsc.bin"}, cpus=2, memory_mib=128).announced()
    rig.expect("^tsc: ready", 120)
    rig.send("r")
    rig.says(r"tsc: restarts \(reset by port CF9h\)")
    rig.expect("^tsc: ok TSC_ADJUST is 0 at the start", 60)
    rig.expect("^tsc: ok and at the second vCPU's: 0, TSC_AUX 0", 60)
    rig.expect("^tsc: ready", 120)
    rig.send("q")
    rig.expect("^tsc: done\r", 60)
    assert "tsc: FAIL" not in rig.text(), rig.text()
    rig.expect_end("end: ok")
