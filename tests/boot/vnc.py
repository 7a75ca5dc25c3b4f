# SPDX-License-Identifier: MIT
"""A VNC client as small as tests need: the picture, and keys typed.

RFC 6143, "7. The Remote Framebuffer Protocol", with version 3.3's handshake, no
authentication, and the server's own pixel format, one byte a pixel in Bochs, and four
in an X server.
"""

import select
import socket
import struct
import time

RAW, DESKTOP_SIZE = 0, -223
REFRESH_S = 0.2


class Vnc:
    """A connection; `picture` is rows of bytes, pixel by pixel."""

    def __init__(self, port):
        self.line = socket.create_connection(("127.0.0.1", port), 30)
        self._read(12)
        self.line.sendall(b"RFB 003.003\n")
        assert struct.unpack(">I", self._read(4))[0] == 1, "the server wants a password"
        self.line.sendall(b"\1")
        self.width, self.height = struct.unpack(">HH", self._read(4))
        self.pixel_bytes = self._read(16)[0] // 8
        self._read(struct.unpack(">I", self._read(4))[0])
        self._clear()
        self.line.sendall(struct.pack(">BxHii", 2, 2, RAW, DESKTOP_SIZE))
        self._request(incremental=False)

    def _clear(self):
        self.picture = [bytearray(self.width * self.pixel_bytes) for _ in range(self.height)]

    def rows(self):
        """The picture as rows of pixel values."""
        if self.pixel_bytes == 1:
            return self.picture
        return [memoryview(row).cast("I").tolist() for row in self.picture]

    def _read(self, count):
        data = b""
        while len(data) < count:
            part = self.line.recv(count - len(data))
            if not part:
                raise ConnectionError("the VNC server has gone")
            data += part
        return data

    def _request(self, incremental=True):
        self.line.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def key(self, symbol, down):
        """An X11 keysym, which for ASCII is the character's code."""
        self.line.sendall(struct.pack(">BBxxI", 4, down, symbol))

    def _rectangle(self):
        x, y, width, height, encoding = struct.unpack(">HHHHi", self._read(12))
        if encoding == DESKTOP_SIZE:
            self.width, self.height = width, height
            self._clear()
            return
        assert encoding == RAW, encoding
        line = width * self.pixel_bytes
        for row in range(y, y + height):
            data = self._read(line)
            if row < self.height:
                self.picture[row][x * self.pixel_bytes:x * self.pixel_bytes + line] = data

    def _message(self):
        kind = self._read(1)[0]
        if kind == 0:
            for _ in range(struct.unpack(">xH", self._read(3))[0]):
                self._rectangle()
        elif kind == 1:
            _, count = struct.unpack(">xHH", self._read(5))
            self._read(6 * count)
        elif kind == 3:
            self._read(struct.unpack(">xxxI", self._read(7))[0])

    def pump(self, seconds):
        """Takes what comes within the time."""
        deadline = time.monotonic() + seconds
        self._request()
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.line], [], [], min(left, REFRESH_S))[0]:
                self._message()
                self._request()

    def close(self):
        self.line.close()
