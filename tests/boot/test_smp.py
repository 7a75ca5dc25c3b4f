# SPDX-License-Identifier: MIT
"""Guests with as many vCPUs as a guest can have."""

VCPUS_MAX = 8


def config(name, cpus):
    return f"""
[[vm]]
name = "{name}"
cpus = {cpus}
memory = "16M"
kernel = "smp.bin"
"""


def test_a_guest_of_8_vcpus_finds_and_starts_them(machine, guests):
    text = '[hypervisor]\nwhen_all_stopped = "poweroff"\n' + config("eight", VCPUS_MAX)
    rig = machine(text, {"smp.bin": guests / "smp.bin"}, cpus=VCPUS_MAX, memory_mib=128)
    rig.says("eight: CPU 0,1,2,3,4,5,6,7, 16 MiB")
    rig.expect("^smp: done\r", 120, "the guest to finish")
    said = rig.text()
    assert f"smp: ok {VCPUS_MAX} vCPUs in the MADT" in said
    assert "smp: ok the same in the MP table" in said
    assert f"smp: ok {VCPUS_MAX} vCPUs run" in said
    assert "FAIL" not in said
    rig.expect_end("end: ok")
