# SPDX-License-Identifier: MIT
"""An unmodified Debian Linux as the manager: a shell, stty and cat on its ttyS1."""

import json
import re

from places import ROOT  # noqa: F401 (its import makes the tools importable)

BOOT_TIMEOUT_S = 300
PROMPT = r"^manager:[^#\r\n]*# "

CONFIG = """\
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "manager"
cpus = [0]
memory = "192M"
kernel = "vmlinuz"
initrd = "initrd"
cmdline = "console=ttyS0,115200 bulkhead.guest=manager cryptomgr.notests initcall_blacklist=load_system_certificate_list"
manager = true

[[vm]]
name = "triple"
cpus = [1]
memory = "16M"
kernel = "triple.bin"

[[vm]]
name = "witness"
cpus = [2]
memory = "16M"
kernel = "witness.bin"
"""

# What is answered goes to a file, as long as it takes, and is shown when it is whole.
SETUP = (
    "stty -F /dev/ttyS1 raw -echo",
    "(cat /dev/ttyS1 >>/tmp/answers &)",
    # A command a line that is echoed whole, on a terminal of 80 columns.
    "said() { grep -qE '\"(done|error)\"' /tmp/answers; }",
    "get() { until said; do usleep 100000; done; cat /tmp/answers; }",
    "ask() { : >/tmp/answers; echo \"$*\" >/dev/ttyS1; get; }",
)


def ask(rig, command):
    lines = rig.run(PROMPT, f"ask {command}", 60).splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def states(rig):
    return {found["name"]: found["state"] for found in ask(rig, "list") if found["type"] == "guest"}


def was_said(rig, pattern):
    line = re.compile(rf"^\[bulkhead {rig.code}\] {pattern}", re.MULTILINE)
    rig.wait_until(lambda: line.search(rig.text()), 30, pattern)


def test_linux_manages_with_a_shell(machine, demo, guests):
    files = {**{name: demo / name for name in ("vmlinuz", "initrd")},
             **{name: guests / name for name in ("triple.bin", "witness.bin")}}
    rig = machine(CONFIG, files, cpus=3, memory_mib=512).announced()
    rig.expect(PROMPT, BOOT_TIMEOUT_S, "the manager's shell")
    for command in SETUP:
        rig.run(PROMPT, command)

    # As a person would: what comes is text.
    rig.run(PROMPT, "printf 'list\\r' >/dev/ttyS1; sleep 1")
    text = rig.run(PROMPT, "cat /tmp/answers; echo")    # no line end behind its prompt
    assert re.search(r"^triple +running +1 +16 MiB", text, re.MULTILINE), text

    hello = ask(rig, "json on")
    assert hello[0]["type"] == "hello" and hello[0]["seat"] == "manager", hello
    assert states(rig) == {"manager": "running", "triple": "running", "witness": "running"}
    assert ask(rig, "stop triple")[-1]["what"] == "stops"
    was_said(rig, r"triple: stopped \(the user's command")
    assert states(rig)["triple"] == "stopped"
    assert ask(rig, "start triple")[-1]["what"] == "starts"
    assert states(rig)["triple"] == "running"
    assert ask(rig, "restart triple")[-1]["what"] == "restarts"
    was_said(rig, r"triple: restarts \(the user's command")
    triple, = [found for found in ask(rig, "list") if found.get("name") == "triple"]
    assert triple["starts"] == 3 and triple["last_end"]["cause"] == "restart", triple
    refused = ask(rig, "poweroff")
    assert refused[-1]["type"] == "error" and "at the console" in refused[-1]["what"]
    assert ask(rig, "lits")[-1]["nearest"] == "list"
    assert any(found["type"] == "vcpu" for found in ask(rig, "show manager"))

    rig.send("\x1d3")
    rig.says("console: witness")
    rig.send("status\r")
    status = rig.expect(r"^witness: status ([^\r\n]*)\r\n", 60)[1].decode()
    assert "broken=0" in status and "unexpected=0" in status and "nmis=0" in status, status
    rig.send("\x1d1")
    rig.says("console: manager")
    rig.send("ask restart manager\n")       # itself, too
    rig.says(r"manager: restarts \(the user's command", 60)
    rig.expect(PROMPT, BOOT_TIMEOUT_S, "the manager's next shell")
    rig.send("\x1dq")
    rig.expect_end("end: ok", 120)
