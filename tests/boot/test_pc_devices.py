# SPDX-License-Identifier: MIT
"""The guest's PC from inside: guests that each prove what a device does."""

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "{name}"
cpus = {cpus}
memory = "16M"
kernel = "{name}.bin"
"""


def run(machine, guests, name, cpus=1, timeout_s=120):
    """Runs one guest to its end; what it says of each claim must be ok."""
    config = CONFIG.format(name=name, cpus=cpus)
    rig = machine(config, {f"{name}.bin": guests / f"{name}.bin"}, cpus=cpus, memory_mib=128)
    rig.announced()
    rig.expect(f"^{name}: done\r", timeout_s, f"{name} to finish")
    assert f"{name}: FAIL" not in rig.text(), rig.text()
    rig.expect_end("end: ok")
    return rig.text()


def test_the_interval_timer_interrupts_by_both_controllers(machine, guests):
    run(machine, guests, "timers", cpus=2)
