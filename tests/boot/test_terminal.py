# SPDX-License-Identifier: MIT
"""The monitor as a person uses it: in a terminal, tmux, in which tools/run.py shows a
machine; what counts is what stands on the screen, redrawn lines and all.
"""

import re
import shlex
import shutil
import subprocess
import sys
import time

import pytest

from discs import disc
from places import LOGS, ROOT
from rig import TIME_FACTOR

CONFIG = (ROOT / "guest" / "lifecycle.toml").read_text()
COLUMNS, ROWS = 110, 50

# Each of its commands, and what the screen then shows; those that end something last. A
# trace is of a guest that is paused, lest newer exits overwrite it while it is written.
COMMANDS = (
    ("help", r"poweroff +end all guests"),
    ("list", r"^triple +running .*\n(.*\n)?witness +running"),
    ("show triple", r"triple: running, up \d+ s"),
    ("pause triple", "triple: paused"),
    ("trace triple", r"vCPU 0 +0: -?\d+ us"),
    ("resume triple", "triple: goes on"),
    ("nmi witness", "witness: "),
    ("log triple", r"triple: CPU 0, 16 MiB"),
    ("stats triple", r"I/O instruction +\d+"),
    ("devices", r"00:00\.0"),
    ("memory", "hypervisor"),
    ("dump witness 0x100000 16", r"000000100000  [0-9a-f]{2} "),
    ("stop triple", r"triple: stopped \(the user's command"),
    ("start triple", "triple: "),
    ("restart triple", r"triple: restarts \(the user's command"),
)


class Terminal:
    """A tmux of its own with one window."""

    def __init__(self, command, directory):
        self.socket = str(directory / "tmux")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS),
                  f"{command}; echo status $?; exec sleep 600")

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], check=True, text=True,
                              stdout=subprocess.PIPE)
        return done.stdout

    def key(self, *names):
        self.tmux("send-keys", *names)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def comes_to_show(self, pattern, timeout_s):
        deadline = time.monotonic() + timeout_s * TIME_FACTOR
        while not re.search(pattern, self.screen(), re.MULTILINE):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def shows(self, pattern, timeout_s=30):
        assert self.comes_to_show(pattern, timeout_s), f"no {pattern!r} on:\n{self.screen()}"

    def clear(self):
        """So that what is waited for is not what stood there before: an empty terminal,
        and the prompt drawn anew. A line of the log may still come between."""
        for _ in range(5):
            self.tmux("send-keys", "-R")
            self.key("C-c", "C-l")
            if self.comes_to_show(r"\A\s*monitor> *\s*\Z", 5):
                return
        raise AssertionError(f"the monitor's line is not drawn:\n{self.screen()}")


@pytest.fixture
def terminal(guests, tmp_path):
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed (make deps)")
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    iso = disc(CONFIG, files)
    LOGS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(ROOT / "tools" / "run.py"), "--iso", str(iso), "--machine", "bochs",
               "--cpus", "2", "--memory", "256", "--directory", str(tmp_path / "machine")]
    window = Terminal(shlex.join(command), tmp_path)
    yield window
    window.tmux("kill-server")


def test_a_person_finds_the_way(terminal):
    terminal.shows("^triple: ready", 120)
    terminal.key("C-]")
    terminal.type("n")
    terminal.shows(r"console: witness \(guest 2\)")
    terminal.shows("^witness: intact", 60)
    terminal.key("C-]")
    terminal.type("m")
    terminal.shows("^monitor> *$")
    for command, answer in COMMANDS:
        terminal.clear()
        terminal.type(command)
        terminal.key("Enter")
        terminal.shows(answer, 60)
    terminal.clear()
    terminal.type("sho")
    terminal.key("Tab")
    terminal.type("wi")
    terminal.key("Tab")
    terminal.shows("^monitor> show witness *$")
    terminal.key("Enter")
    terminal.shows("witness: running, up")
    terminal.clear()
    terminal.key("Up", "Up")
    terminal.shows("^monitor> restart triple *$")
    terminal.key("Down")
    terminal.shows("^monitor> show witness *$")
    terminal.clear()
    terminal.type("lisst")
    terminal.key("Left", "BSpace", "Enter")     # a letter in the middle
    terminal.shows("^triple +running")
    terminal.clear()
    terminal.type("lsit")
    terminal.key("Enter")
    terminal.shows('did you mean "list"')
    terminal.clear()
    terminal.type("console triple")
    terminal.key("Enter")
    terminal.shows(r"console: triple \(guest 1\)")
    terminal.type("?")
    terminal.shows("t triple fault, r reset")
    terminal.key("C-]")
    terminal.type("m")
    terminal.shows("^monitor> *$")
    terminal.key("C-d")
    terminal.shows("console: triple.*\n(.*\n)*.*console: triple")
    terminal.key("C-]")
    terminal.type("m")
    terminal.type("poweroff")
    terminal.key("Enter")
    terminal.shows(r"status 0 *$", 60)
