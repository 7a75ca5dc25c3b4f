# SPDX-License-Identifier: MIT
"""What `make run` shows of a machine, beside what is typed at it."""

import pathlib
import socket
import sys
import types

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

# pylint: disable=wrong-import-position
import run  # noqa: E402
from console import Console  # noqa: E402


class Terminal:
    """At which a key is typed each time that one is looked for, and what it shows."""

    def __init__(self, monkeypatch):
        self.shown = b""
        monkeypatch.setattr(run, "select", types.SimpleNamespace(
            select=lambda *_: ([0], [], [])))
        monkeypatch.setattr(run.os, "read", lambda *_: b"k")
        monkeypatch.setattr(run, "write_all", self.write)

    def write(self, data):
        self.shown += data


@pytest.fixture(name="line")
def fixture_line(tmp_path):
    ours, wire = socket.socketpair()
    machine = types.SimpleNamespace(
        console=Console(ours, tmp_path / "log"), emulator_messages=lambda _: "",
        spec=types.SimpleNamespace(name="bochs"))
    yield machine, wire
    machine.console.close()


def test_output_that_comes_while_keys_are_sent_is_shown(monkeypatch, line):
    machine, wire = line
    terminal = Terminal(monkeypatch)
    wire.sendall(b"one two three\r\n")
    wire.shutdown(socket.SHUT_WR)
    assert run.bridge(machine, True) == 1       # it ended without a word about its guests
    assert terminal.shown == b"one two three\r\n"
    assert wire.recv(100).startswith(b"k")
