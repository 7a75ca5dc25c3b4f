# SPDX-License-Identifier: MIT
"""A machine's screen read back as text, by the shapes of its glyphs.

Bulkhead's own font is read from its source, that of text screens from the
emulator's VGA BIOS. A cell that is no known glyph reads as U+FFFD.
"""

import os
import pathlib
import re
import socket
import time

import bochs
from places import ROOT
from rig import TIME_FACTOR
from vnc import Vnc

GLYPH_ROWS = 16
CURSOR_OFF_TOP, CURSOR_OFF_BOTTOM = 2, 2
VGA_BIOSES = {"bochs": bochs.VGA_BIOS, "qemu-tcg": "/usr/share/seabios/vgabios-stdvga.bin"}
# Every VGA font of 8 by 16 begins with nothing and a face.
FONT_BEGIN = bytes(16) + bytes.fromhex("00007e81a58181bd9981817e00000000")
BOCHS_HEADER_BAR = 32
X_BORDER = 4
SHIFT, CONTROL = 0xFFE1, 0xFFE3  # X11 keysyms


def own_font():
    """Bulkhead's glyphs, as 16 rows of bits each -> character."""
    text = (ROOT / "drivers" / "font.c").read_text()
    rows = re.findall(r"\['(\\?.)' - FIRST\] = \{ ([^}]*) \}", text)
    font = {}
    for name, numbers in rows:
        drawn = bytes(int(number, 16) for number in numbers.split(", "))
        font[bytes(CURSOR_OFF_TOP) + drawn + bytes(CURSOR_OFF_BOTTOM)] = name[-1]
    assert len(font) == 95
    return font


def vga_font(path):
    with open(path, "rb") as file:
        bios = file.read()
    begin = bios.index(FONT_BEGIN)
    return {bios[begin + 16 * code:begin + 16 * code + 16]: chr(code) for code in range(32, 127)}


def cell_text(rows, font):
    """One cell: rows of 8 pixel values."""
    colours = sorted({pixel for row in rows for pixel in row})
    if len(colours) == 1:
        return " "
    for lit in colours:
        shape = bytes(sum((row[i] == lit) << (7 - i) for i in range(8)) for row in rows)
        if len(colours) == 2 and shape in font:
            return font[shape]
    return "\ufffd"


def read_text(picture, font, cell_columns=8):
    """Rows of pixel values -> lines of text, without blanks at their ends."""
    lines = []
    for top in range(0, len(picture) - GLYPH_ROWS + 1, GLYPH_ROWS):
        rows = picture[top:top + GLYPH_ROWS]
        cells = [cell_text([row[left:left + 8] for row in rows], font)
                 for left in range(0, len(rows[0]) - 7, cell_columns)]
        lines.append("".join(cells).rstrip())
    return lines


def read_ppm(path):
    """A picture as QEMU writes it: rows of pixel values."""
    magic, size, depth, pixels = path.read_bytes().split(b"\n", 3)
    assert (magic, depth) == (b"P6", b"255")
    width, height = map(int, size.split())
    return [[pixels[i:i + 3] for i in range(row * width * 3, (row + 1) * width * 3, 3)]
            for row in range(height)]


class Monitor:
    """QEMU's monitor for humans, on a socket in the machine's directory."""

    def __init__(self, rig):
        self.directory = rig.machine.directory
        self.line = socket.socket(socket.AF_UNIX)
        rig.wait_until(self._connects, 30, "QEMU to open its monitor")
        self._until_prompt()

    def _connects(self):
        handle = os.open(self.directory, os.O_PATH)  # a socket's path must be short
        try:
            self.line.connect(f"/proc/self/fd/{handle}/monitor")
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        finally:
            os.close(handle)
        return True

    def _until_prompt(self):
        said = b""
        while not said.endswith(b"(qemu) "):
            said += self.line.recv(4096)

    def command(self, text):
        self.line.sendall(text.encode() + b"\n")
        self._until_prompt()


class Screen:
    """What stands on the screen of a rig's machine, now or soon. `x_server` is where Bochs
    draws, if it is not its own VNC."""

    def __init__(self, rig, text_mode, x_server=None):
        self.rig = rig
        self.name = rig.machine.spec.name
        self.cell_columns = 9 if text_mode else 8
        self.font = vga_font(VGA_BIOSES[self.name]) if text_mode else own_font()
        self.border = X_BORDER if x_server else 0
        if x_server:
            self.vnc = Vnc(x_server.port)
        elif self.name == "bochs":
            process = rig.machine.process.pid
            rig.wait_until(lambda: bochs_port(process), 30, "Bochs to listen for VNC")
            self.vnc = Vnc(bochs_port(process))
        else:
            self.monitor = Monitor(rig)

    def lines(self):
        if self.name == "bochs":
            self.vnc.pump(0.5)
            rows = self.vnc.rows()[self.border + BOCHS_HEADER_BAR:]
            picture = [row[self.border:] for row in rows]
        else:
            path = self.rig.machine.directory / "screen.ppm"
            self.monitor.command(f"screendump {path}")
            picture = read_ppm(path)
        return read_text(picture, self.font, self.cell_columns)

    def expect(self, pattern, timeout_s=30):
        """Waits until a line on the screen matches; returns the match."""
        deadline = time.monotonic() + timeout_s * TIME_FACTOR
        while True:
            self.rig.console.pump(0)
            lines = self.lines()
            for line in lines:
                match = re.search(pattern, line)
                if match:
                    return match
            assert time.monotonic() < deadline, \
                f"{pattern!r} is not on the screen:\n" + "\n".join(lines)

    def type(self, text):
        for character in text:
            self._key(character)

    def _key(self, character):
        """Presses the key of a letter, digit or of these; with what is held."""
        symbols = {"\r": 0xFF0D, "\t": 0xFF09, "\x1d": ord("]")}
        keys = [symbols.get(character, ord(character))]
        if character == "\x1d":
            keys.insert(0, CONTROL)
        elif character.isupper():
            keys.insert(0, SHIFT)
        for down in (True, False):
            for key in keys if down else reversed(keys):
                self.vnc.key(key, down)
                self.vnc.pump(0.05)


def bochs_port(process):
    """Where a Bochs listens for VNC, of its sockets the one in that state; or None."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{process}/fd").iterdir():
        target = descriptor.readlink().name
        inodes.update(re.findall(r"socket:\[(\d+)\]", target))
    table = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    for row in (line.split() for line in table):
        if row[3] == "0A" and row[9] in inodes:
            return int(row[1].split(":")[1], 16)
    return None
