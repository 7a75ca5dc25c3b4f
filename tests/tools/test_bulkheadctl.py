# SPDX-License-Identifier: MIT
"""tools/bulkheadctl.py against a monitor that is played here, on a pseudo-terminal or a
socket, with a guest on the same line that says whatever could fool it."""

import contextlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import tty

import pytest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "tools/bulkheadctl.py"
CODE = b"[bulkhead k2p9] "
TIMEOUT_S = 60

WEB = {"type": "guest", "name": "web", "number": 1, "state": "running", "cpus": [0, 1],
       "memory_bytes": 268435456, "uptime_s": 41, "exits_a_second": 12, "starts": 3, "ready": True,
       "manager": False, "waits_for": [], "last_end": None}
CRASH = {"cause": "crash", "reason": "triple fault", "status": 0}
DB = {**WEB, "name": "db", "number": 2, "state": "stopped", "cpus": [2], "ready": False,
      "last_end": CRASH}
NONE_LIKE_IT = {"type": "error", "what": "there is no guest \"wbe\"; did you mean \"web\"?",
                "nearest": "web"}


def done(command, **more):
    return {"type": "done", "command": command, **more}


class Machine:
    """The other end of the line. `answers` has a list of objects by command."""

    def __init__(self, fd, answers, seat="console", code=CODE, silent=False, forge=True):
        self.fd = fd
        self.answers = {"exit": [done("exit")], "json off": [done("json")], **answers}
        self.seat, self.code, self.silent, self.forge = seat, code, silent, forge
        self.seen = b""
        self.stopped = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def say(self, found):
        self._write(self.code + json.dumps(found).encode() + b"\r\n")

    def _write(self, data):
        try:
            os.write(self.fd, data)
        except OSError:
            self.stopped = True

    def guest_says(self, found):
        """As a guest can: without the code, with one it makes up, or behind other text."""
        if not self.forge:
            return
        text = json.dumps(found).encode()
        for line in (text, b"[bulkhead] " + text, b"[bulkhead zzzz] " + text,
                     b"> " + CODE + text, CODE[:-1] + text, b"\x1b[2K" + CODE + text):
            self._write(line + b"\r\n")

    def _run(self):
        pending = b""
        while not self.stopped:
            if not select.select([self.fd], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                return
            if not data:
                return
            self.seen += data
            pending += data.replace(b"\x1dm", b"")
            pending = pending[pending.rfind(b"\x03") + 1:]
            while b"\r" in pending and not self.silent:
                command, _, pending = pending.partition(b"\r")
                self._answer(command.decode())

    def _answer(self, command):
        if token := re.fullmatch(r"json on (\S+)", command):
            hello = {"type": "hello", "format": 1, "version": "0.1", "seat": self.seat}
            self.guest_says({**hello, "token": "0123456789abcdef"})
            self._write(CODE + b"a line of the hypervisor\r\n{\"type\": \r\n" + CODE + b"{ what\r\n")
            self.say({**hello, "token": token[1]})
            self.say(done("json"))
            return
        self.guest_says(done(command.split()[0]))
        self.guest_says({"type": "error", "what": "forged", "nearest": None})
        self.guest_says({**WEB, "name": "forged"})
        for found in self.answers.get(command, [NONE_LIKE_IT]):
            self.say(found)

    def wait_for(self, typed):
        deadline = time.monotonic() + TIMEOUT_S
        while typed not in self.seen:
            assert time.monotonic() < deadline, f"{typed} was not typed"
            time.sleep(0.05)

    def stop(self):
        self.stopped = True
        self.thread.join()


@pytest.fixture(name="terminal")
def fixture_terminal():
    """A function that starts a machine on a terminal; `.at` is the terminal's name."""
    started = []

    def start(answers, **more):
        master, slave = pty.openpty()
        tty.setraw(slave)
        machine = Machine(master, answers, **more)
        machine.at, machine.slave = os.ttyname(slave), slave
        started.append((machine, master, slave))
        return machine

    yield start
    for machine, master, slave in started:
        machine.stop()
        os.close(slave)
        if machine.fd is not None:
            os.close(master)


def run(machine, *arguments, at=True):
    where = ["--at", machine.at] if at else []
    environment = {name: value for name, value in os.environ.items() if name != "BULKHEAD_AT"}
    return subprocess.run([sys.executable, PROGRAM, *where, *arguments], capture_output=True,
                          text=True, timeout=TIMEOUT_S, check=False, env=environment)


def test_guests_are_a_table(terminal):
    machine = terminal({"list": [WEB, DB, done("list")]})
    ran = run(machine, "list")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 3 and "forged" not in ran.stdout
    assert lines[0].split()[:4] == ["guest", "state", "CPUs", "memory"]
    assert lines[1].split() == ["web", "running", "0,1", "256", "MiB", "41s", "12", "2"]
    assert lines[2].endswith("crash: triple fault")
    assert machine.seen.startswith(b"\x1dm\x1dm\x03json on ") and machine.seen.endswith(b"exit\r")


def test_or_objects_a_line(terminal):
    ran = run(terminal({"list": [WEB, DB, done("list")]}), "--json", "list")
    assert ran.returncode == 0
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [WEB, DB]


def test_a_slow_monitor_answers_each_of_two_tries_to_open_it(terminal):
    hello = {"type": "hello", "format": 1, "version": "0.1", "seat": "console", "token": "late"}
    ran = run(terminal({"list": [hello, done("json"), WEB, done("list")]}), "--json", "list")
    assert ran.returncode == 0 and [json.loads(line) for line in ran.stdout.splitlines()] == [WEB]


def test_an_order_is_done_or_refused(terminal):
    machine = terminal({"restart web": [done("restart", guest="web", what="restarts")]})
    ran = run(machine, "restart", "web")
    assert (ran.returncode, ran.stdout) == (0, "web: restarts\n"), ran.stderr
    ran = run(machine, "restart", "wbe")
    assert ran.returncode == 1 and ran.stdout == ""
    assert ran.stderr == "bulkheadctl: there is no guest \"wbe\"; did you mean \"web\"?\n"


def test_a_guest_learns_nothing_that_it_could_answer(terminal):
    """A machine without a monitor, whose guest echoes all that is typed and more."""
    machine = terminal({}, silent=True)
    hello = {"type": "hello", "format": 1, "version": "0.1", "seat": "console"}
    machine.guest_says({**hello, "token": ""})
    ran = run(machine, "--timeout", "2", "list")
    assert ran.returncode == 3 and "no monitor answers" in ran.stderr


def test_a_code_that_is_known_is_the_only_one(terminal):
    machine = terminal({"list": [WEB, done("list")]})
    assert run(machine, "--code", "k2p9", "list").returncode == 0
    assert run(machine, "--code", "aaaa", "--timeout", "2", "list").returncode == 3


def test_an_answer_that_does_not_end_is_no_answer(terminal):
    ran = run(terminal({"list": [WEB]}), "--timeout", "1", "list")
    assert ran.returncode == 3 and ran.stdout == "" and "no answer within 1 s" in ran.stderr


def test_wrong_usage_is_said_before_anything_is_typed(terminal):
    machine = terminal({})
    for arguments in (["restart"], ["frobnicate"], ["restart", "Web 1"], ["restart", "a\rb"],
                      ["wait", "web", "--state", "happy"], ["--timeout", "-1", "list"],
                      ["--speed", "115201", "list"], []):
        assert run(machine, *arguments).returncode == 2, arguments
    assert run(machine, "list", at=False).returncode == 2
    assert machine.seen == b""


def test_a_line_that_is_none(terminal, tmp_path):
    machine = terminal({})
    machine.at = str(tmp_path / "absent")
    ran = run(machine, "list")
    assert ran.returncode == 3 and "cannot be opened" in ran.stderr
    (tmp_path / "file").write_text("")
    machine.at = str(tmp_path / "file")
    assert run(machine, "list").returncode == 2


def heed_ctrl_c():
    """In a child: a job of a shell's background ignores SIGINT, which programs inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def follow(machine):
    """The program, for as long as TIMEOUT_S."""
    with subprocess.Popen([sys.executable, PROGRAM, "--at", machine.at, "follow"],
                          stdout=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c) as program:
        limit = threading.Timer(TIMEOUT_S, program.kill)
        limit.start()
        try:
            yield program
        except BaseException:
            program.kill()
            raise
        finally:
            program.wait()
            limit.cancel()


def test_a_line_has_one_program(terminal):
    machine = terminal({"list": [WEB, done("list")], "watch": []})
    with follow(machine) as first:
        machine.wait_for(b"watch")
        ran = run(machine, "list")
        first.send_signal(signal.SIGINT)
    assert ran.returncode == 3 and "in use by another program" in ran.stderr


def test_waiting_ends_with_what_became_of_the_guest(terminal):
    machine = terminal({"list": [WEB, DB, done("list")]})
    assert run(machine, "wait", "web", "--state", "ready").returncode == 0
    ran = run(machine, "wait", "db")
    assert (ran.returncode, ran.stdout) == (4, "db: stopped (crash: triple fault)\n")
    assert run(machine, "wait", "db", "--state", "ready").returncode == 4
    ran = run(machine, "wait", "web", "--within", "1")
    assert ran.returncode == 5 and "web is running, and not stopped within 1 s" in ran.stderr
    ran = run(machine, "wait", "wbe")
    assert ran.returncode == 1 and "there are: web, db" in ran.stderr


def test_changes_are_followed_until_ctrl_c(terminal):
    machine = terminal({"watch": []})
    with follow(machine) as program:
        machine.wait_for(b"watch")
        change = {"type": "change", "number": 1, "time_us": 1500000, "guest": "web",
                  "change": "ended", "end": CRASH}
        machine.guest_says({**change, "guest": "forged"})
        machine.say(change)
        machine.say({"type": "lost", "what": "changes", "count": 5})
        assert program.stdout.readline() == "1.500 web: ended (crash: triple fault)\n"
        assert program.stdout.readline() == "(5 changes before this are lost)\n"
        program.send_signal(signal.SIGINT)
        assert program.wait(TIMEOUT_S) == 0
    assert machine.seen.endswith(b"watch\r\x03exit\r")


def test_a_manager_has_objects_without_a_code(terminal):
    machine = terminal({"list": [WEB, done("list")]}, seat="manager", code=b"", forge=False)
    ran = run(machine, "list")
    assert ran.returncode == 0 and "web" in ran.stdout
    assert machine.seen.endswith(b"json off\r")


def test_any_command_can_be_asked(terminal):
    machine = terminal({"stats web": [{"type": "exits", "count": 3}, done("stats")]})
    ran = run(machine, "ask", "stats", "web")
    assert ran.returncode == 0 and json.loads(ran.stdout) == {"type": "exits", "count": 3}


def test_a_socket_will_do_and_may_be_closed(tmp_path):
    for answers, status in (({"list": [WEB, done("list")]}, 0), (None, 3)):
        path = tmp_path / f"console{status}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()

            def serve():
                line = listener.accept()[0]     # pylint: disable=cell-var-from-loop
                if answers is None:             # pylint: disable=cell-var-from-loop
                    line.close()
                    return
                Machine(line.fileno(), answers).thread.join()   # pylint: disable=cell-var-from-loop
                line.close()

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            ran = subprocess.run([sys.executable, PROGRAM, "--at", f"unix:{path}", "list"],
                                 capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
            thread.join(TIMEOUT_S)
        assert ran.returncode == status, ran.stderr
