# SPDX-License-Identifier: MIT
"""Two guests do anything that chance comes upon, beside a Linux that computes.

guest/chaos.c is a function of its seed; that it reaches the hypervisor is seen
from the exits counted for it. The claim is that the Linux beside it computes
what it should, and that the hypervisor still answers.
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
cmdline = "console=ttyS0,115200 bulkhead.guest=blue cryptomgr.notests \
initcall_blacklist=load_system_certificate_list"

[[vm]]
name = "chaos1"
cpus = [1]
memory = "16M"
kernel = "chaos.bin"
cmdline = "seed=1"

[[vm]]
name = "chaos2"
cpus = [2]
memory = "16M"
kernel = "chaos.bin"
cmdline = "seed=2"
"""

PROMPT = r"^blue:[^#\r\n]*# "
EXITS = ("CPUID", "I/O instruction", "RDMSR", "WRMSR", "control-register access", "EPT violation",
         "VMCALL", "VMREAD")
SUMS = 8


def focus(rig, number, name):
    rig.send(f"\x1d{number}")
    rig.says(f"console: {name} ")


def test_a_linux_computes_right_beside_guests_that_do_anything(machine, demo, guests):
    files = {"chaos.bin": guests / "chaos.bin"}
    files.update({name: demo / name for name in ("vmlinuz", "initrd")})
    rig = machine(CONFIG, files, cpus=3, memory_mib=512).announced()
    rig.expect(PROMPT, 300, "blue's shell")
    rig.run(PROMPT, "sum() { sha256sum /bin/busybox; }") # a line that wraps is hard to find again
    rig.run(PROMPT, f"(for i in $(seq {SUMS}); do sum; done >/tmp/s; echo over >>/tmp/s) &")
    for number, name in ((2, "chaos1"), (3, "chaos2")):
        focus(rig, number, name)
        rig.send("g")
    for _ in range(2):
        rig.says(r"chaos\d: powered off", 240)

    focus(rig, 1, "blue")
    rig.send("\n")
    rig.run(PROMPT, "until grep -q over /tmp/s; do sleep 1; done", 240)
    counted = rig.run(PROMPT, "sort /tmp/s | uniq -c")
    expected = hashlib.sha256((demo / "busybox").read_bytes()).hexdigest()
    assert re.search(rf"^ *{SUMS} {expected}  /bin/busybox\s*$", counted, re.MULTILINE), counted
    rig.send("poweroff\n")
    rig.expect_end("end: ok", 120)

    text = rig.text()
    assert "FAIL" not in text, text
    for name in ("chaos1", "chaos2"):
        for reason in EXITS:
            assert re.search(rf"\] {name}: vCPU 0: \d+ exits by {re.escape(reason)}", text), reason
