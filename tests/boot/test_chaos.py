# SPDX-License-Identifier: MIT
"""Two guests do anything that chance comes upon, among kinds of guest that have
nothing in common, beside a Linux that computes.

guest/chaos.c is a function of its seed and goes on for 100 million instructions;
that it reaches the hypervisor is seen from the exits counted for it. The claim is
that the Linux beside it computes what it should, that a memory tester finds no
error, that guests in real mode and by PVH still answer, and that the hypervisor
does. The others start when Linux is up, since it boots faster alone in the emulator.
"""

import hashlib
import re

CONFIG = """\
[hypervisor]
log = "debug"
when_all_stopped = "poweroff"

[[vm]]
name = "blue"
cpus = [0]
memory = "192M"
kernel = "vmlinuz"
initrd = "initrd"
ready = "sums run"
cmdline = "console=ttyS0,115200 bulkhead.guest=blue cryptomgr.notests \
initcall_blacklist=load_system_certificate_list"

[[vm]]
name = "chaos1"
cpus = [1]
memory = "16M"
kernel = "chaos.bin"
cmdline = "seed=1"
after = ["blue"]

[[vm]]
name = "chaos2"
cpus = [2]
memory = "16M"
kernel = "chaos.bin"
cmdline = "seed=2"
after = ["blue"]

[[vm]]
name = "tester"
cpus = [3]
memory = "16M"
kernel = "memtest86+x64.bin"
cmdline = "console=ttyS0,115200 nopause nosm nosmp nobench"
after = ["blue"]

[[vm]]
name = "pvh"
cpus = [4]
memory = "16M"
kernel = "pvh.elf"
after = ["blue"]

[[vm]]
name = "flat16"
cpus = [5]
memory = "16M"
kernel = "flat16.bin"
format = "flat"
load_address = 0x7c00
mode = "real"
after = ["blue"]
"""

PROMPT = r"^blue:[^#\r\n]*# "
EXITS = ("CPUID", "I/O instruction", "RDMSR", "WRMSR", "control-register access", "EPT violation",
         "VMCALL", "VMREAD")
SUMS = 3


def focus(rig, number, name):
    rig.send(f"\x1d{number}")
    rig.says(f"console: {name} ")


def test_a_linux_computes_right_beside_guests_that_do_anything(machine, demo, guests, kernels):
    files = {"chaos.bin": guests / "chaos.bin",
             "memtest86+x64.bin": kernels / "memtest86+x64.bin"}
    files.update({name: demo / name for name in ("vmlinuz", "initrd")})
    files.update({name: guests / "kinds" / name for name in ("pvh.elf", "flat16.bin")})
    rig = machine(CONFIG, files, cpus=6, memory_mib=512).announced()
    rig.expect(PROMPT, 300, "blue's shell")
    rig.run(PROMPT, "sum() { sha256sum /bin/busybox; }") # a line that wraps is hard to find again
    rig.run(PROMPT, f"(for i in $(seq {SUMS}); do sum; done >/tmp/s; echo over >>/tmp/s) &")
    rig.send("echo sums r''un\n") # not by its echo
    rig.says("flat16: starts, as blue is ready")
    for number, name in ((2, "chaos1"), (3, "chaos2")):
        focus(rig, number, name)
        rig.expect("^chaos: ready", 60)
    rig.send("g")
    focus(rig, 2, "chaos1")
    rig.send("g")
    for _ in range(2):
        rig.says(r"chaos\d: powered off", 240)

    focus(rig, 4, "tester")
    rig.expect(r"Time: +\d+:\d\d:\d\d.*Errors: 0 ", 120, "the tester to go on")
    for number, name in ((5, "pvh"), (6, "flat16")):
        focus(rig, number, name)
        rig.expect(f"^{name}: ready", 60, f"{name}, which was ready all the time")
        rig.send("p")
        rig.says(f"{name}: powered off", 60)

    focus(rig, 1, "blue")
    rig.send("\n")
    rig.run(PROMPT, "until grep -q over /tmp/s; do sleep 1; done", 240)
    counted = rig.run(PROMPT, "sort /tmp/s | uniq -c")
    expected = hashlib.sha256((demo / "busybox").read_bytes()).hexdigest()
    assert re.search(rf"^ *{SUMS} {expected}  /bin/busybox\s*$", counted, re.MULTILINE), counted
    rig.send("poweroff\n")
    rig.says("blue: powered off", 120)
    rig.send("\x1dq")
    rig.expect_end("end: ok", 120)

    text = rig.text()
    assert "FAIL" not in text, text
    assert set(re.findall(r"Errors: (\d+)", text)) == {"0"}
    for name in ("chaos1", "chaos2"):
        for reason in EXITS:
            assert re.search(rf"\] {name}: vCPU 0: \d+ exits by {re.escape(reason)}", text), reason
