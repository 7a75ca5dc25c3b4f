# SPDX-License-Identifier: MIT
"""Two unmodified Debian guests side by side, as the demo's user sees them."""

import hashlib
import re

from places import ROOT  # noqa: F401 (its import makes the tools importable)

BOOT_TIMEOUT_S = 300
PASTE_BYTES = 4096

# Lines of dmesg at level "warning" or worse that are right to be there.
DMESG_EXCEPTIONS = {
    r"RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable":
        "true of the emulated processor: it offers neither IBRS nor a fix in hardware",
}


def prompt(name):
    return rf"^{name}:[^#\r\n]*# "


def start(machine, demo):
    files = {name: demo / name for name in ("vmlinuz", "initrd")}
    config = (demo / "demo.toml").read_text()
    return machine(config, files, cpus=3, memory_mib=640).announced()


def focus(rig, name, key):
    rig.send(f"\x1d{key}")
    rig.says(f"console: {name} ")


def wait_for_shell(rig, name):
    rig.expect(prompt(name), BOOT_TIMEOUT_S, f"{name}'s shell")


def check_dmesg(rig, name):
    bad = rig.run(prompt(name), "dmesg -r | grep '^<[0-4]>'", 60)
    for line in bad.splitlines():
        if line.strip():
            assert any(re.search(known, line) for known in DMESG_EXCEPTIONS), line


def check_machine(rig, name, cpus, memory_mib):
    """What a user looks at first makes sense."""
    at = prompt(name)
    assert rig.run(at, "nproc").strip() == str(cpus)
    total = int(re.search(r"MemTotal: +(\d+) kB", rig.run(at, "head -1 /proc/meminfo"))[1])
    assert memory_mib * 0.75 < total / 1024 <= memory_mib
    cpuinfo = rig.run(at, "cat /proc/cpuinfo", 60)
    assert cpuinfo.count("processor\t:") == cpus
    flags = re.search(r"^flags\t\t: (.*)", cpuinfo, re.MULTILINE)[1].split()
    assert {"hypervisor", "x2apic", "tsc_adjust"} <= set(flags) and "vmx" not in flags
    # It was handed an APIC in xAPIC mode, and went on by itself.
    assert "x2apic enabled" in rig.run(at, "dmesg | grep x2apic", 60)
    path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    assert rig.run(at, f"cat {path}").strip().endswith("tsc")
    check_dmesg(rig, name)


def compute(rig, name):
    """Something to do in the background whose result is known."""
    rig.run(prompt(name), "((sha256sum /bin/busybox /init; echo over) >/tmp/sums &)")


def check_computed(rig, name, demo):
    rig.run(prompt(name), "until grep -q over /tmp/sums; do sleep 1; done", 120)
    sums = rig.run(prompt(name), "cat /tmp/sums")
    assert hashlib.sha256((demo / "busybox").read_bytes()).hexdigest() in sums
    assert hashlib.sha256((ROOT / "guest" / "demo" / "init").read_bytes()).hexdigest() in sums


def check_paste(rig, name):
    """Four KiB typed at once, as a paste is; not a byte may be missing."""
    lines = "".join(f"{number:04d} " + "abcdefghijklmnopqrstuvwxyz" * 2 + "0123456\n"
                    for number in range(PASTE_BYTES // 65 + 1))[:PASTE_BYTES - 1] + "\n"
    rig.send("cat >/tmp/paste\n")
    rig.expect("cat >/tmp/paste", 30)
    rig.send(lines + "\x04")
    rig.expect(prompt(name), 120, "the end of the paste")
    printed = rig.run(prompt(name), "md5sum /tmp/paste")
    assert hashlib.md5(lines.encode()).hexdigest() in printed


def test_both_guests_work_at_the_same_time(machine, demo):
    rig = start(machine, demo)
    wait_for_shell(rig, "red")
    compute(rig, "red")
    focus(rig, "blue", "n")
    wait_for_shell(rig, "blue")
    compute(rig, "blue")
    check_machine(rig, "blue", cpus=1, memory_mib=192)
    check_computed(rig, "blue", demo)
    focus(rig, "red", "n")
    check_machine(rig, "red", cpus=2, memory_mib=256)
    check_computed(rig, "red", demo)
    check_paste(rig, "red")

    # One ends, the other goes on; then it starts again, in the same memory.
    focus(rig, "blue", "2")
    rig.send("poweroff\n")
    rig.says(r"blue: powered off \(ACPI S5\)", 120)
    focus(rig, "red", "1")
    assert rig.run(prompt("red"), "echo still $((6 * 7))").strip().endswith("still 42")
    rig.send("reboot\n")
    rig.says(r"red: restarts \(", 120)
    wait_for_shell(rig, "red")
    uptime_s = float(rig.run(prompt("red"), "cat /proc/uptime").split()[0])
    assert uptime_s < 120
    assert rig.run(prompt("red"), "ls /tmp").strip() == ""
    assert rig.run(prompt("red"), "nproc").strip() == "2"
    rig.send("poweroff\n")
    rig.expect_end("end: ok", 120)
