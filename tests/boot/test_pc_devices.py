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
cmdline = "vcpus={cpus}"
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


STATUS_CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "one"
cpus = 1
memory = "16M"
kernel = "status.bin"
cmdline = "status={first}"
exit_port = 0x501

[[vm]]
name = "two"
cpus = 1
memory = "16M"
kernel = "status.bin"
cmdline = "status={second}"
exit_port = 0x501
"""


def end_with(machine, guests, first, second):
    config = STATUS_CONFIG.format(first=first, second=second)
    rig = machine(config, {"status.bin": guests / "status.bin"}, cpus=2, memory_mib=128)
    rig.announced()
    rig.console.wait_closed(60, "the machine to switch itself off")
    assert "FAIL" not in rig.text()
    return rig


def test_a_guest_ends_with_a_status(machine, guests):
    rig = end_with(machine, guests, 0, 300)
    assert "one: ended with status 0" in rig.text()
    assert "two: ended with status 300" in rig.text()
    assert rig.outcome().closing == "end: status 300"
    assert rig.outcome().exit_status == 255


def test_guests_that_end_with_0_end_well(machine, guests):
    rig = end_with(machine, guests, 0, 0)
    assert rig.outcome().closing == "end: ok"
    assert rig.outcome().exit_status == 0


def test_the_interval_timer_interrupts_by_both_controllers(machine, guests):
    run(machine, guests, "timers", cpus=2)


def test_the_8259s_have_their_modes(machine, guests):
    run(machine, guests, "pic")


def test_the_clock_interrupts_and_runs_with_the_tsc(machine, guests):
    run(machine, guests, "rtc")


def test_the_second_serial_port_has_all_of_a_16550(machine, guests):
    run(machine, guests, "serial")


def test_level_triggered_interrupts_come_until_they_are_served(machine, guests):
    run(machine, guests, "level", cpus=2)


def test_tables_maps_and_devices_agree_and_eight_vcpus_start(machine, guests):
    run(machine, guests, "maps", cpus=8)
