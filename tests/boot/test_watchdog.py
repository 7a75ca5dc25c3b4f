# SPDX-License-Identifier: MIT
"""Guests that hang, in every way there is, beside one that must not notice.

guest/watchdog.c hangs as the letter typed at it says.
"""

import re
import stat

import make_initrd
from test_lifecycle import witness_is_intact
from test_linux import BOOT_TIMEOUT_S, prompt
from test_monitor import ask, open_monitor, row

LINUX = """\
[[vm]]
name = "linux"
cpus = 1
memory = "256M"
kernel = "vmlinux"
modules = ["initrd"]
watchdog = true
cmdline = "console=ttyS0,115200 bulkhead.guest=linux cryptomgr.notests \
initcall_blacklist=load_system_certificate_list"
"""

GUEST = '[[vm]]\nname = "{}"\ncpus = {}\nmemory = "16M"\nkernel = "{}.bin"\n{}\n'
HYPERVISOR = '[hypervisor]\nwhen_all_stopped = "poweroff"\n'
WITNESS = GUEST.format("witness", 1, "witness", "")

RAN_OUT = "its watchdog ran out"
SILENT = "its console was silent for too long"

# Letter -> what the report says of the vCPU that hangs: which, and a line of it.
AT_ONCE = "z"                             # the watchdog runs out as it is started
HANGS = {
    "h": (0, "activity 1"),               # HLT, interrupts off
    "s": (0, "code at RIP: eb fe"),       # spins, interrupts off
    "i": (0, "code at RIP: eb fe"),       # spins, interrupts on
    "a": (1, "RIP [0-9a-f]{16}"),         # the other vCPU; the boot vCPU sleeps and wakes
    "l": (0, "RIP [0-9a-f]{16}"),         # nothing but that it does not write
    AT_ONCE: (0, "RIP [0-9a-f]{16}"),
}


def start(machine, guests, keys, vcpus=1):
    files = {name: guests / name for name in ("watchdog.bin", "witness.bin")}
    config = HYPERVISOR + GUEST.format("dog", vcpus, "watchdog", keys) + WITNESS
    rig = machine(config, files, cpus=vcpus + 1, memory_mib=256).announced()
    rig.expect("^watchdog: ready", 120)
    return rig


def hang(rig, letter, reason=RAN_OUT):
    """Types it, and waits for the next life."""
    rig.send(letter)
    if letter != AT_ONCE:               # what that says may come behind the report
        rig.expect(f"^watchdog: doing {letter}", 60)
    vcpu, line = HANGS[letter]
    rig.says(f"dog: vCPU {vcpu}: {reason}", 60)
    rig.says(line)
    rig.says(f"dog: restarts \\({reason}\\)", 60)
    rig.expect("^watchdog: ready", 120)


def test_a_guest_that_hangs_starts_again(machine, guests):
    rig = start(machine, guests, 'watchdog = true\nrestart_limit = "9 in 9s"', vcpus=2)
    for letter in HANGS:
        hang(rig, letter)
    assert "still running" not in rig.text()
    rig.expect(r"^watchdog: tick", 60)
    open_monitor(rig)
    shown = ask(rig, "show dog", 60)
    assert re.search(r"watchdog:  device 1 s left", shown), shown
    assert row(ask(rig, "list"), "dog")[-1] == str(len(HANGS))
    rig.send("console witness\r")
    rig.says("console: witness")
    witness_is_intact(rig, "2")
    rig.send("\x1dq")
    rig.expect_end("end: ok")


def test_a_stopped_watchdog_is_stopped(machine, guests):
    rig = start(machine, guests, "watchdog = true")
    rig.send("d")
    rig.expect("^watchdog: doing d", 60)
    first = int(rig.expect(r"^watchdog: tick (\d+)\r", 60)[1])
    while int(rig.expect(r"^watchdog: tick (\d+)\r", 60)[1]) < first + 60:      # three seconds
        pass
    assert RAN_OUT not in rig.text()
    rig.send("m")
    match = rig.expect(r"^watchdog: cpuid: (\d+) ticks, (\d+) while it runs\r", 300)
    print(f"CPUID: {match[1].decode()} ticks, {match[2].decode()} while the watchdog runs")
    rig.says(f"dog: restarts \\({RAN_OUT}\\)", 60)       # measuring started it


def test_a_guest_that_hangs_at_once_each_time_is_stopped(machine, guests):
    rig = start(machine, guests, "watchdog = true")
    for _ in range(5):
        hang(rig, AT_ONCE)
    rig.send(AT_ONCE)
    rig.says(f"dog: stopped after an error \\({RAN_OUT}\\)", 60)
    rig.says("dog: it was restarted 5 times within 60 s; it stays stopped")
    rig.send("\x1dq")
    rig.expect_end("end: crashed")


def test_a_paused_guest_does_not_hang(machine, guests):
    rig = start(machine, guests, "watchdog = true")
    open_monitor(rig)
    ask(rig, "pause dog")
    rig.send("console witness\r")
    rig.says("console: witness")
    age = int(rig.expect(r"^witness: intact (\d+)\r", 60)[1])
    rig.expect(f"^witness: intact {age + 6}\r", 120, "six seconds of the guests' time")
    open_monitor(rig)
    assert "watchdog:  held by the pause" in ask(rig, "show dog", 60)
    ask(rig, "resume dog")
    rig.send("console dog\r")
    rig.says("console: dog")
    for _ in range(8):                                   # four seconds
        rig.expect(r"^watchdog: tick \d+\r", 60)
    assert RAN_OUT not in rig.text()
    hang(rig, "s")


def test_a_guest_without_one_hangs_for_ever(machine, guests):
    rig = start(machine, guests, "")
    rig.expect(r"^watchdog: tick \d+\r", 60)
    assert "dog: vCPU 0 wrote port 0x443, which it does not own" in rig.text()
    rig.send("s")
    rig.expect("^watchdog: doing s", 60)
    rig.send("\x1d2")
    rig.says("console: witness")
    age = int(rig.expect(r"^witness: intact (\d+)\r", 60)[1])
    rig.expect(f"^witness: intact {age + 4}\r", 120)
    assert row(ask(open_monitor(rig), "list"), "dog")[-1] == "0"


def test_a_silent_guest_starts_again(machine, guests):
    rig = start(machine, guests, 'watchdog_silence = "3s"')
    for _ in range(10):                                  # five seconds
        rig.expect(r"^watchdog: tick \d+\r", 60)
    for letter in "qs":
        rig.send(letter)
        rig.expect(f"^watchdog: doing {letter}", 60)
        rig.says(f"dog: vCPU 0: {SILENT}", 120)
        rig.says(f"dog: restarts \\({SILENT}\\)", 60)
        rig.expect("^watchdog: ready", 120)
    witness_is_intact(rig, "2")
    rig.send("\x1dq")
    rig.expect_end("end: ok")


def with_driver(initrd, driver):
    """The demo's initial file system, and behind it another one with the module."""
    files = (make_initrd.entry(1, "ib700wdt.ko", stat.S_IFREG | 0o644, driver),
             make_initrd.entry(2, "TRAILER!!!", 0))
    return initrd + b"".join(files)


def test_debians_driver_drives_it(machine, kernels, demo):
    """As Debian's Linux for PCs has it, by busybox' program for it: while that program
    is well Linux goes on, when it ends as it should the watchdog is stopped, and when
    it hangs Linux starts again."""
    initrd = with_driver((demo / "initrd").read_bytes(), (kernels / "ib700wdt.ko").read_bytes())
    rig = machine(HYPERVISOR + LINUX, {"vmlinux": kernels / "vmlinux-amd64", "initrd": initrd},
                  cpus=1, memory_mib=640).announced()
    shell = prompt("linux")
    rig.expect(shell, BOOT_TIMEOUT_S, "Linux' shell")
    rig.run(shell, "insmod /ib700wdt.ko", 60)
    rig.run(shell, "watchdog -t 1 -T 4 /dev/watchdog; sleep 6", 120)
    rig.run(shell, "kill $(pidof watchdog); sleep 6", 120)
    rig.run(shell, "watchdog -t 1 -T 4 /dev/watchdog; sleep 2", 120)
    assert RAN_OUT not in rig.text()
    rig.send("kill -STOP $(pidof watchdog)\n")
    rig.says(f"linux: vCPU 0: {RAN_OUT}", 120)
    rig.says(f"linux: restarts \\({RAN_OUT}\\)", 60)
    rig.expect(shell, BOOT_TIMEOUT_S, "its shell once more")
    rig.send("\x1dq")
    rig.expect_end("end: ok", 120)
