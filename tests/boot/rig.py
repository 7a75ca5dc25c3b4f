# SPDX-License-Identifier: MIT
"""A booted Bulkhead, as a test sees it: what it says, what is typed at it.

Every wait has a limit and says what it waited for; a wait that fails shows
the console's last lines. A slow host may stretch all limits by setting
BULKHEAD_TIME_FACTOR.
"""

import os
import re
import time

from machine import Machine, Spec
from outcome import ANNOUNCEMENT, Outcome

TIME_FACTOR = float(os.environ.get("BULKHEAD_TIME_FACTOR", "1"))
# From power-on to Bulkhead's first line: firmware, GRUB and the images.
ANNOUNCE_TIMEOUT_S = {"bochs": 90, "bochs-uefi": 180, "qemu-kvm": 60, "qemu-tcg": 90}


class Rig:
    """One machine with one disc in it. Lines end in CR LF on this line."""

    def __init__(self, spec: Spec, directory):
        self.machine = Machine(spec, directory)
        self.console = self.machine.console
        self.code = None        # of the hypervisor's lines, once announced

    def expect(self, pattern, timeout_s=30, what=None):
        """Waits for output matching `pattern`, after that of the last wait."""
        return self.console.expect(pattern, timeout_s * TIME_FACTOR, what)

    def announced(self):
        """Waits for the first line; from then on the hypervisor is told apart."""
        match = self.expect(ANNOUNCEMENT.pattern.decode(),
                            ANNOUNCE_TIMEOUT_S[self.machine.spec.name], "Bulkhead's first line")
        self.code = match[1].decode()
        return self

    def says(self, pattern, timeout_s=30, what=None):
        """Waits for a line of the hypervisor itself; no guest can fake it."""
        if self.code is None:
            self.announced()
        prefix = re.escape(f"[bulkhead {self.code}] ")
        return self.expect(f"^{prefix}[^\r\n]*?{pattern}", timeout_s,
                           what or f"Bulkhead to say {pattern!r}")

    def send(self, text):
        self.console.send(text)

    def run(self, prompt, command, timeout_s=30):
        """Types a shell command at `prompt`'s shell; returns what it printed."""
        self.send(command + "\n")
        self.expect(re.escape(command), timeout_s, f"the echo of {command!r}")
        start = self.console.position
        self.expect(prompt, timeout_s, f"the end of {command!r}")
        printed = bytes(self.console.received[start:self.console.position])
        text = printed.decode(errors="replace").replace("\r\n", "\n").lstrip("\n")
        return text[:text.rfind("\n") + 1]      # the last line is the prompt

    def outcome(self):
        """What Bulkhead has said so far about the end of this run."""
        outcome = Outcome()
        outcome.feed(bytes(self.console.received))
        outcome.finish()
        return outcome

    def expect_end(self, closing, timeout_s=60):
        """Waits until the machine is off; its closing line must be `closing`."""
        self.console.wait_closed(timeout_s * TIME_FACTOR, "the machine to switch itself off")
        assert self.outcome().closing == closing, self.last_words()

    def expect_halt(self, reason, timeout_s=60):
        """Waits until Bulkhead says that it halts, and why."""
        self.says(f"halted: {reason}", timeout_s)

    def still_silent(self, pattern, seconds):
        """The opposite of expect: `pattern` must not come within the time."""
        start = self.console.position
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.console.closed:
            self.console.pump(0.2)
        found = re.compile(pattern.encode(), re.MULTILINE).search(self.console.received, start)
        assert not found, f"{pattern!r} came, and must not:\n{self.last_words()}"

    def wait_until(self, condition, timeout_s, what):
        """For what is not said on this line."""
        deadline = time.monotonic() + timeout_s * TIME_FACTOR
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            self.console.pump(0.2)

    def text(self):
        return self.console.text()

    def last_words(self):
        return "\n".join(self.text().splitlines()[-40:])

    def stop(self):
        self.machine.stop()
