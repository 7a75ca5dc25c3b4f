# SPDX-License-Identifier: MIT
"""An X server without a screen, which shows its windows by VNC: Bochs' VNC display has no
modes of pixels for a guest's BIOS to offer, its X display has all."""

import os
import socket
import subprocess
import time

PROGRAM = "Xtightvnc"
START_TIMEOUT_S = 30
# Makes Bochs use it, and its environment.
BOCHS_OPTION = 'display_library: x, options=""'


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class XServer:
    """Runs until stop(). `display` is for a program's environment."""

    def __init__(self, width, height):
        self.port = _free_port()
        self.display = f":{os.getpid()}"
        self.process = subprocess.Popen(
            [PROGRAM, self.display, "-geometry", f"{width}x{height}", "-depth", "24",
             "-rfbport", str(self.port), "-interface", "127.0.0.1", "-nolisten", "tcp"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._listens():
            assert self.process.poll() is None and time.monotonic() < deadline, "no X server"
            time.sleep(0.1)

    def _listens(self):
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait()
