# SPDX-License-Identifier: MIT
"""A guest's local APIC, beside one that must not notice.

guest/apic.c holds it against the manual from inside, mode by mode.
guest/storm.c makes two vCPUs fight by it.
"""

import re

import pytest

from test_lifecycle import witness_is_intact
from test_linux import check_computed, check_dmesg, compute, prompt, wait_for_shell

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "apic"
cpus = [0, 1, 2]
memory = "16M"
kernel = "apic.bin"

[[vm]]
name = "witness"
cpus = [3]
memory = "16M"
kernel = "witness.bin"
"""

GROUPS = (
    "begin", "INIT and SIPI",
    "timer, xAPIC", "priorities, xAPIC", "destinations, xAPIC", "errors, xAPIC",
    "disabled by software, xAPIC", "another one's disabled APIC", "its own disabled APIC",
    "moves of the page", "sizes", "modes",
    "what x2APIC mode keeps",
    "timer, x2APIC", "priorities, x2APIC", "destinations, x2APIC", "errors, x2APIC",
    "disabled by software, x2APIC", "faults of x2APIC mode", "INIT in x2APIC mode",
)


def start(machine, guests):
    files = {name: guests / name for name in ("apic.bin", "witness.bin")}
    rig = machine(CONFIG, files, cpus=4, memory_mib=256).announced()
    rig.expect("^apic: ready", 60)
    return rig


def end(rig):
    rig.send("q")
    rig.expect("^apic: done\r", 60)
    rig.says(r"apic: powered off \(ACPI S5\)")
    witness_is_intact(rig, "2")
    rig.send("quit\r")
    rig.expect_end("end: ok")


def test_the_local_apic_is_as_the_manual_says(machine, guests):
    rig = start(machine, guests)
    rig.send("a")
    rig.expect("^apic: answered", 180)
    text = rig.text()
    assert "FAIL" not in text and "wrong: " not in text, text
    for group in GROUPS:
        assert f"apic: ok {group}: " in text, text
    end(rig)


def test_an_init_to_the_boot_cpu_starts_the_guest_again(machine, guests):
    rig = start(machine, guests)
    rig.send("i")
    rig.says(r"apic: restarts \(INIT to its boot CPU\)")
    rig.expect("^apic: ready", 60)
    assert "still running" not in rig.text()
    end(rig)


def storm_config(seed):
    """The guest of guest/storm.c in place of guest/apic.c, with this seed."""
    return CONFIG.replace("apic", "storm").replace(
        'kernel = "storm.bin"\n', f'kernel = "storm.bin"\ncmdline = "seed={seed}"\n')


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_inits_nmis_and_modes_stays_in_its_guest(machine, guests, seed):
    files = {name: guests / name for name in ("storm.bin", "witness.bin")}
    rig = machine(storm_config(seed), files, cpus=4, memory_mib=256).announced()
    rig.expect("^storm: done\r", 180)
    rig.says(r"storm: powered off \(ACPI S5\)")
    text = rig.text()
    assert "FAIL" not in text, text
    for vcpu in (1, 2):
        acts, lives, interrupts, nmis = map(int, re.search(
            rf"storm: vCPU {vcpu}: (\d+) acts in (\d+) lives, (\d+) interrupts, (\d+) NMIs",
            text).groups())
        assert acts > 1000 and lives > 50 and interrupts > 50 and nmis > 50, text
        assert f"storm: ok vCPU {vcpu} answers after the storm" in text
    witness_is_intact(rig, "2")
    rig.send("quit\r")
    rig.expect_end("end: ok")


def test_linux_works_in_xapic_mode(machine, demo):
    files = {name: demo / name for name in ("vmlinuz", "initrd")}
    config = (demo / "demo.toml").read_text().replace('cmdline = "', 'cmdline = "nox2apic ')
    config = config[:config.rindex("[[vm]]")]           # red alone
    rig = machine(config, files, cpus=2, memory_mib=448).announced()
    at = prompt("red")
    wait_for_shell(rig, "red")
    compute(rig, "red")
    assert rig.run(at, "nproc").strip() == "2"
    assert "x2apic enabled" not in rig.run(at, "dmesg | grep -i apic", 60)
    check_computed(rig, "red", demo)
    check_dmesg(rig, "red")
    rig.send("poweroff\n")
    rig.expect_end("end: ok", 120)
