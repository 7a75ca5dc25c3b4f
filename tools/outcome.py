# SPDX-License-Identifier: MIT
"""How a run ended, read from the hypervisor's own lines.

A guest can print anything, so a line counts only if it carries the code that
the hypervisor made up at this boot and announced before any guest ran.
"""

import re

ANNOUNCEMENT = re.compile(rb"\[bulkhead (\S{4})\] Bulkhead ")
ESCAPE_SEQUENCE = re.compile(rb"\x1b\[[0-9;=?]*[A-Za-z]")
CLOSING = re.compile(rb"(end: (?:ok|crashed|status (?P<status>\d+))|halted: .*)$")
STATUS_MAX = 255                # of a process


class Outcome:
    """Fed with all console output; `closing` is the closing line's text."""

    LINE_BYTES_MAX = 4096

    def __init__(self):
        self.code = None
        self.closing = None
        self.guest_status = 0   # the first other than 0 that a guest ended with
        self.partial = b""

    def feed(self, data):
        """Takes more output."""
        *lines, self.partial = (self.partial + data).split(b"\n")
        self.partial = self.partial[-self.LINE_BYTES_MAX:]
        for line in lines:
            self._line(ESCAPE_SEQUENCE.sub(b"", line).strip(b"\r"))

    def finish(self):
        """There is no more output: what has come of the last line is the line."""
        self.feed(b"\n")

    def _line(self, line):
        if self.closing:
            return
        if self.code is None:
            announced = ANNOUNCEMENT.match(line)
            self.code = announced and announced[1]
            return
        prefix = b"[bulkhead " + self.code + b"] "
        closing = line.startswith(prefix) and CLOSING.match(line[len(prefix):])
        if closing:
            self.closing = closing[1].decode(errors="replace")
            self.guest_status = int(closing["status"] or 0)

    @property
    def halted(self):
        return bool(self.closing) and self.closing.startswith("halted: ")

    @property
    def exit_status(self):
        """0: every guest ended well; else a guest's own status, or 1."""
        if self.guest_status:
            return min(self.guest_status, STATUS_MAX)
        return 0 if self.closing == "end: ok" else 1
