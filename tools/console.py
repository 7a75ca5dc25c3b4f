# SPDX-License-Identifier: MIT
"""The serial line of a running machine, as this side of it sees it.

Everything that arrives is kept, and appended to a log file. Nothing is
dropped in either direction: what cannot be sent at once waits here, and what
we are slow to read waits in the socket, where the emulator stops and waits
with it. There is no thread: whoever waits for something pumps the line.
"""

import re
import select
import time


class Closed(Exception):
    """The machine ended while somebody waited for its output."""


class Timeout(Exception):
    """The machine did not say in time what somebody waited for."""


class Console:
    """Owns the socket and the log file."""

    CHUNK_BYTES = 65536

    def __init__(self, line, log_path):
        line.setblocking(False)
        self.line = line
        self.log = open(log_path, "wb")
        self.received = bytearray()
        self.outgoing = bytearray()
        self.position = 0       # everything before it was matched by expect()
        self.closed = False

    def fileno(self):
        return self.line.fileno()

    def send(self, data):
        self.outgoing += data.encode() if isinstance(data, str) else data
        self.pump(0)

    def pump(self, timeout_s):
        """Moves what can be moved within the time; returns what arrived."""
        if self.closed:
            return b""
        writers = [self.line] if self.outgoing else []
        readable, writable, _ = select.select([self.line], writers, [], timeout_s)
        if writable:
            self._transmit()
        return self._receive() if readable else b""

    def _transmit(self):
        try:
            sent = self.line.send(self.outgoing)
        except OSError:         # the machine is gone: reading will find out
            sent = len(self.outgoing)
        del self.outgoing[:sent]

    def _receive(self):
        try:
            data = self.line.recv(self.CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
        self.received += data
        self.log.write(data)
        self.log.flush()
        return data

    def expect(self, pattern, timeout_s, what=None):
        """Waits until the output since the last match has `pattern`."""
        expression = re.compile(pattern.encode(), re.MULTILINE)
        deadline = time.monotonic() + timeout_s
        while True:
            match = expression.search(self.received, self.position)
            if match:
                self.position = match.end()
                return match
            left_s = deadline - time.monotonic()
            if self.closed:
                raise Closed(self.complaint("the machine ended", pattern, what))
            if left_s <= 0:
                raise Timeout(self.complaint(f"{timeout_s} s passed", pattern, what))
            self.pump(left_s)

    def wait_closed(self, timeout_s, what="the machine to end"):
        deadline = time.monotonic() + timeout_s
        while not self.closed:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise Timeout(self.complaint(f"{timeout_s} s passed", None, what))
            self.pump(left_s)

    def text(self):
        return self.received.decode(errors="replace").replace("\r\n", "\n")

    def complaint(self, event, pattern, what):
        """One paragraph for a human: what was awaited, and the last lines."""
        awaited = what or f"output matching {pattern!r}"
        if what and pattern:
            awaited += f" ({pattern!r})"
        last = "\n".join("  | " + line for line in self.text().splitlines()[-25:])
        return f"{event} while waiting for {awaited}; the console's last lines:\n{last}"

    def close(self):
        self.log.close()
        self.line.close()
