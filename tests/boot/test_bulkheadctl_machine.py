# SPDX-License-Identifier: MIT
"""tools/bulkheadctl.py on the console's line of a machine, with guests that talk."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

from places import ROOT

CONFIG = """\
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "manager"
cpus = 1
memory = "16M"
kernel = "manager.bin"
manager = true

[[vm]]
name = "triple"
cpus = 1
memory = "16M"
kernel = "triple.bin"

[[vm]]
name = "witness"
cpus = 1
memory = "16M"
kernel = "witness.bin"

[[vm]]
name = "lives"
cpus = 1
memory = "16M"
kernel = "lives.bin"
cmdline = "lives=60000"
start = "manual"
"""
PROGRAM = ROOT / "tools" / "bulkheadctl.py"
TIMEOUT_S = 60 * float(os.environ.get("BULKHEAD_TIME_FACTOR", "1"))


class Tool:
    """The program, with the console's line on a socket of its own while it runs."""

    def __init__(self, rig, directory, *arguments):
        self.rig, self.line = rig, None
        path = directory / "console"
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.output = directory / "output"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, PROGRAM, "--at", f"unix:{path}", "--timeout", str(TIMEOUT_S / 2),
                 *arguments], stdout=output, stderr=output,
                # A job of a shell's background ignores SIGINT, which programs inherit.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def printed(self):
        return self.output.read_text()

    def pump(self):
        """Moves what there is, both ways."""
        if self.line is None:
            if not select.select([self.listener], [], [], 0.05)[0]:
                return
            self.line = self.listener.accept()[0]
        arrived = self.rig.console.pump(0.05)
        try:
            if arrived:
                self.line.sendall(arrived)
            if select.select([self.line], [], [], 0)[0] and (typed := self.line.recv(4096)):
                self.rig.console.send(typed)
        except ConnectionError:
            pass

    def pump_until(self, condition, what):
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            self.pump()

    def end(self):
        """Exit status and what it printed."""
        self.pump_until(lambda: self.process.poll() is not None, "bulkheadctl to end")
        self.listener.close()
        if self.line is not None:
            self.line.close()
        return self.process.returncode, self.printed()


def test_the_program_orders_guests_over_the_console(machine, guests, tmp_path):
    def run(*arguments):
        return Tool(rig, tmp_path, *arguments).end()

    files = {name: guests / name for name in ("manager.bin", "triple.bin", "witness.bin", "lives.bin")}
    rig = machine(CONFIG, files, cpus=4, memory_mib=256).announced()
    rig.expect("^manager: ready", 60)

    status, printed = run("list")
    assert status == 0 and len(printed.splitlines()) == 5, printed
    assert printed.splitlines()[2].split()[:4] == ["triple", "running", "1", "16"], printed
    status, printed = run("--code", rig.code, "--json", "list")
    assert status == 0 and [json.loads(line)["name"] for line in printed.splitlines()] == [
        "manager", "triple", "witness", "lives"], printed
    assert run("--code", "aaaa", "--timeout", "3", "list")[0] == 3
    assert run("restart", "tripel") == (
        1, 'bulkheadctl: there is no guest "tripel"; did you mean "triple"?\n')

    assert run("stop", "triple") == (0, "triple: stops\n")
    status, printed = run("wait", "triple", "--within", "30")
    assert status == 0 and printed.startswith("triple: stopped"), printed
    assert run("stop", "triple") == (1, "bulkheadctl: triple is stopped\n")

    assert run("start", "triple") == (0, "triple: starts\n")
    assert run("wait", "triple", "--state", "ready")[0] == 0
    # The guest's console is back in focus, and one crashes; who waits for it hears that.
    rig.send("\x1d2")
    rig.says("console: triple")
    rig.send("t")
    rig.says("triple: stopped after an error", 60)
    status, printed = run("wait", "triple", "--state", "running")
    assert (status, printed) == (4, "triple: stopped (crash: triple fault)\n")
    status, printed = run("ask", "stats", "witness")
    assert status == 0 and all(json.loads(line)["type"] == "exits" for line in printed.splitlines())

    # Changes that come meanwhile, of a guest that resets itself again and again.
    assert run("start", "lives") == (0, "lives: starts\n")
    follower = Tool(rig, tmp_path, "follow")
    follower.pump_until(lambda: len(follower.printed().splitlines()) >= 3, "changes to be followed")
    follower.process.send_signal(signal.SIGINT)
    status, printed = follower.end()
    assert status == 0, printed
    assert all(re.fullmatch(r"\d+\.\d{3} lives: \w+( \(\w+: .*\))?", line)
               for line in printed.splitlines()), printed
    rig.send("\x1dq")
    rig.expect_end("end: crashed")
