# SPDX-License-Identifier: MIT
"""The same disc on a machine with UEFI firmware: Bochs with OVMF.

That machine has no ACPI tables of its own. With those that GRUB hands on it
has its CPUs; without, Bulkhead finds one CPU and says so.
"""

from places import ROOT

BOOT_TIMEOUT_S = 400


def test_the_demo_runs(machine, demo):
    files = {name: demo / name for name in ("vmlinuz", "initrd")}
    config = (demo / "demo.toml").read_text()
    rig = machine(config, files, on="bochs-uefi", cpus=3, memory_mib=640).announced()
    rig.says("3 CPUs")
    rig.expect(r"^red:~# ", BOOT_TIMEOUT_S, "red's shell")
    assert rig.run(r"^red:~# ", "nproc").strip() == "2"
    rig.send("poweroff\n")
    rig.says(r"red: powered off", 120)
    rig.expect(r"^blue:~# ", BOOT_TIMEOUT_S, "blue's shell")
    rig.send("poweroff\n")
    rig.expect_end("end: ok", 120)


def test_without_acpi_there_is_one_cpu_and_that_is_said(machine, guests):
    config = (ROOT / "guest" / "lifecycle.toml").read_text()
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    rig = machine(config, files, on="bochs-uefi", cpus=2, memory_mib=256, acpi=False).announced()
    rig.says("1 CPU")
    rig.says('vm "witness": CPU 1 does not exist')
    rig.expect_halt("the configuration has errors")
