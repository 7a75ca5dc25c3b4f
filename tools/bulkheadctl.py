#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Asks and orders a running Bulkhead, over the serial line of its console or from
a guest that is its manager, over that guest's COM2.

The monitor there is told to answer with JSON. On the console, guests write to the
same line. The hypervisor's own lines begin with a code that no guest knows; it is
learnt from the answer to a random word that only the monitor is shown. Everything
else on the line is passed over.

WHERE is a device (/dev/ttyS0), a socket (unix:/run/console) or a host and port
(localhost:4555), and may also be in the environment as BULKHEAD_AT.

Exit status: 0 done, 1 refused, 2 wrong usage, 3 no answer, 4 the guest crashed,
5 what was waited for did not come in time.
"""

import argparse
import fcntl
import json
import os
import re
import secrets
import select
import socket
import stat
import sys
import termios
import time

DONE, REFUSED, USAGE, NO_ANSWER, CRASHED, IN_VAIN = range(6)

FORMAT = 1              # of the objects, as the hello says
LINE_MAX_BYTES = 65536  # longer ones are no line of a hypervisor
POLL_S = 0.5
KEY_MONITOR = b"\x1dm"  # Ctrl-] m opens the monitor, on the console
KEY_INTERRUPT = b"\x03" # ends an answer, or empties the line
ORDERS = ("start", "stop", "restart", "pause", "resume", "nmi")
STATES = ("running", "stopped", "paused", "ready")


class Failure(Exception):
    """Ends the program with this status and sentence."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Line:
    """Bytes to and from the machine: a file descriptor, whatever is behind it."""

    def __init__(self, where, speed):
        try:
            self.owner, self.fd = self._open(where, speed)
        except (OSError, termios.error) as error:
            raise Failure(NO_ANSWER, f"{where} cannot be opened: {error}") from error
        self.where = where
        self.pending = b""

    @classmethod
    def _open(cls, where, speed):
        if where.startswith("unix:"):
            line = socket.socket(socket.AF_UNIX)
            line.connect(where[len("unix:"):])
            return line, line.fileno()
        if "/" not in where and ":" in where:
            host, _, port = where.rpartition(":")
            if not port.isdigit() or int(port) > 65535:
                raise Failure(USAGE, f"\"{where}\" has no port; write it as in localhost:4555")
            line = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
            return line, line.fileno()
        fd = os.open(where, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            cls._set_up_terminal(where, fd, speed)
        except BaseException:
            os.close(fd)
            raise
        return None, fd

    @staticmethod
    def _set_up_terminal(where, fd, speed):
        """Raw, without echo, and nobody else's."""
        if not stat.S_ISCHR(os.fstat(fd).st_mode) or not os.isatty(fd):
            raise Failure(USAGE, f"{where} is no terminal; a socket is written unix:{where}")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Failure(NO_ANSWER, f"{where} is in use by another program") from error
        attributes = termios.tcgetattr(fd)
        rate = getattr(termios, f"B{speed}", None)
        if rate is None:
            raise Failure(USAGE, f"{speed} is not a speed of terminals here; try 115200")
        attributes[0] = termios.IGNBRK
        attributes[1] = 0
        attributes[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        attributes[3] = 0
        attributes[4] = attributes[5] = rate
        termios.tcsetattr(fd, termios.TCSANOW, attributes)

    def send(self, data, timeout_s):
        deadline = time.monotonic() + timeout_s
        while data:
            _, writable, _ = select.select([], [self.fd], [], max(0, deadline - time.monotonic()))
            if not writable:
                raise Failure(NO_ANSWER, f"{self.where} takes nothing")
            try:
                data = data[os.write(self.fd, data):]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Failure(NO_ANSWER, f"{self.where}: {error.strerror}") from error

    def read_line(self, timeout_s):
        """The next line without its end, or None: none came within the time."""
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self.pending:
            if len(self.pending) > LINE_MAX_BYTES:
                self.pending = b""
            readable, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not readable:
                return None
            try:
                data = os.read(self.fd, 4096)
            except BlockingIOError:
                continue
            except OSError as error:
                raise Failure(NO_ANSWER, f"{self.where}: {error.strerror}") from error
            if not data:
                raise Failure(NO_ANSWER, f"{self.where} was closed at the other side")
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return line.rstrip(b"\r")

    def close(self):
        if self.owner is not None:
            self.owner.close()
        else:
            os.close(self.fd)


class Monitor:
    """A session of the monitor that speaks JSON. Use it with `with`."""

    def __init__(self, line, code, timeout_s):
        self.line = line
        self.timeout_s = timeout_s
        self.prefix = None
        self.seat = None
        self.token = secrets.token_hex(8)
        self._open(code)

    def _open(self, code):
        deadline = time.monotonic() + self.timeout_s
        while time.monotonic() < deadline:
            # Twice, for a Ctrl-] that somebody has left before.
            self.line.send(KEY_MONITOR * 2 + KEY_INTERRUPT, self.timeout_s)
            self.line.send(f"json on {self.token}\r".encode(), self.timeout_s)
            if self._find_hello(code, min(deadline, time.monotonic() + self.timeout_s / 3)):
                self._read_answer("json")
                return
        raise Failure(NO_ANSWER, f"no monitor answers at {self.line.where} within "
                      f"{self.timeout_s:g} s: is it the line of a console, or COM2 of a manager, "
                      "and does no other program read from it?")

    def _find_hello(self, code, deadline):
        expected = re.escape(f"[bulkhead {code}] ").encode() if code else \
            rb"(?:\[bulkhead [0-9a-z]{4}\] )?"
        hello = re.compile(rb"(" + expected + rb")(\{.*\})")
        while (left_s := deadline - time.monotonic()) > 0:
            line = self.line.read_line(left_s)
            match = hello.fullmatch(line) if line is not None else None
            found = parse(match[2]) if match else None
            if found and found.get("type") == "hello" and found.get("token") == self.token:
                self._begin(match[1], found)
                return True
        return False

    def _begin(self, prefix, hello):
        if hello.get("format") != FORMAT:
            raise Failure(NO_ANSWER, f"this Bulkhead speaks format {hello.get('format')}, and this "
                          f"program format {FORMAT}")
        self.prefix = prefix
        self.seat = hello.get("seat")

    def next(self, timeout_s):
        """The next object, or None."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            line = self.line.read_line(left_s)
            if line is not None and line.startswith(self.prefix + b"{"):
                found = parse(line[len(self.prefix):])
                if found:
                    return found
        return None

    def _read_answer(self, command):
        """Objects up to the one that ends the answer, which is the last. A slow monitor
        also answers the tries to open it that were given up."""
        objects = []
        while True:
            found = self.next(self.timeout_s)
            if found is None:
                raise Failure(NO_ANSWER, f"no answer within {self.timeout_s:g} s")
            if found["type"] == "done" and found.get("command") != command:
                objects = []
                continue
            objects.append(found)
            if found["type"] in ("done", "error"):
                return objects

    def ask(self, command):
        """What an answer consists of, without its end."""
        self.line.send(command.encode() + b"\r", self.timeout_s)
        *objects, end = self._read_answer(command.strip().partition(" ")[0])
        if end["type"] == "error":
            raise Failure(REFUSED, end["what"])
        return objects + ([end] if "what" in end else [])

    def watch(self):
        """Changes of guests, for ever."""
        self.line.send(b"watch\r", self.timeout_s)
        while True:
            found = self.next(3600)
            if found is not None and found["type"] == "error":
                raise Failure(REFUSED, found["what"])
            if found is not None:
                yield found

    def close(self):
        """Leaves the line as a user expects it: a guest's console, or the text monitor."""
        self.line.send(KEY_INTERRUPT, 1)
        self.line.send(b"exit\r" if self.seat == "console" else b"json off\r", 1)
        while (found := self.next(1)) is not None:
            if found["type"] == "done" and found.get("command") in ("exit", "json"):
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.close()
        except Failure:
            pass                # it has been told already why nothing answers
        self.line.close()


def parse(data):
    """An object with a type, or None."""
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("type"), str) else None


def size(number):
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number % 1024 or unit == "GiB":
            return f"{number} {unit}"
        number //= 1024
    return str(number)


def how_it_ended(end):
    if end is None:
        return ""
    status = f", status {end['status']}" if end["cause"] == "exit" else ""
    return f"{end['cause']}: {end['reason']}{status}"


def guest_row(guest):
    state = guest["state"]
    if guest["waits_for"]:
        state += " for " + ", ".join(guest["waits_for"])
    return (guest["name"] + (" (manager)" if guest["manager"] else ""), state,
            ",".join(map(str, guest["cpus"])), size(guest["memory_bytes"]), f"{guest['uptime_s']}s",
            str(guest["exits_a_second"]), str(max(0, guest["starts"] - 1)),
            how_it_ended(guest["last_end"]))


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip()
                     for row in rows)


def print_objects(objects):
    for found in objects:
        print(json.dumps(found), flush=True)


def do_list(monitor, arguments):
    guests = monitor.ask("list")
    if arguments.json:
        print_objects(guests)
    else:
        print(table([("guest", "state", "CPUs", "memory", "uptime", "exits/s", "restarts",
                      "last end"), *map(guest_row, guests)]))
    return DONE


def do_order(monitor, arguments):
    for found in monitor.ask(f"{arguments.command} {arguments.vm}"):
        if arguments.json:
            print_objects([found])
        else:
            print(f"{found['guest']}: {found['what']}")
    return DONE


def do_ask(monitor, arguments):
    print_objects(monitor.ask(" ".join(arguments.words)))
    return DONE


def find_guest(monitor, name):
    guests = {guest["name"]: guest for guest in monitor.ask("list")}
    if name not in guests:
        raise Failure(REFUSED, f"there is no guest \"{name}\"; there are: {', '.join(guests)}")
    return guests[name]


def has_reached(guest, state):
    return guest["ready"] if state == "ready" else guest["state"] == state


def has_crashed(guest):
    return guest["state"] == "stopped" and (guest["last_end"] or {}).get("cause") == "crash"


def do_wait(monitor, arguments):
    """A guest that stays stopped by a crash is not waited for."""
    deadline = time.monotonic() + arguments.within
    while True:
        guest = find_guest(monitor, arguments.vm)
        reached = has_reached(guest, arguments.state)
        if reached or has_crashed(guest):
            if arguments.json:
                print_objects([guest])
            else:
                print(f"{guest['name']}: {guest['state']}"
                      + (f" ({how_it_ended(guest['last_end'])})" if has_crashed(guest) else ""))
            return CRASHED if has_crashed(guest) else DONE
        if time.monotonic() >= deadline:
            raise Failure(IN_VAIN, f"{arguments.vm} is {guest['state']}, and not {arguments.state} "
                          f"within {arguments.within:g} s")
        time.sleep(POLL_S)


def change_text(found):
    if found["type"] == "lost":
        return f"({found['count']} {found['what']} before this are lost)"
    end = f" ({how_it_ended(found['end'])})" if found["end"] else ""
    return f"{found['time_us'] / 1e6:.3f} {found['guest']}: {found['change']}{end}"


def do_follow(monitor, arguments):
    for found in monitor.watch():
        if arguments.json:
            print_objects([found])
        else:
            print(change_text(found), flush=True)
    return DONE


def seconds(text):
    value = float(text)
    if not 0 < value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a time in seconds")
    return value


def a_word(text):
    """A guest's name, which is part of a command that is typed."""
    if not re.fullmatch(r"[a-z0-9-]{1,31}", text):
        raise argparse.ArgumentTypeError(f"\"{text}\" is not a guest's name")
    return text


def words(text):
    if not re.fullmatch(r"[ -~]{1,110}", text):
        raise argparse.ArgumentTypeError("a command is up to 110 printable characters")
    return text


def command_line():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0], epilog=__doc__.split("\n\n", 2)[2],
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", metavar="WHERE", default=os.environ.get("BULKHEAD_AT"),
                        help="/dev/ttyX, unix:PATH or HOST:PORT")
    parser.add_argument("--code", help="of the hypervisor's lines, if you know it")
    parser.add_argument("--speed", type=int, default=115200, help="of a terminal (115200)")
    parser.add_argument("--timeout", type=seconds, default=10, metavar="SECONDS",
                        help="until an answer counts as none (10)")
    parser.add_argument("--json", action="store_true", help="objects, one a line")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="a table of the guests").set_defaults(run=do_list)
    for name in ORDERS:
        order = commands.add_parser(name, help=f"{name} a guest")
        order.add_argument("vm", metavar="VM", type=a_word)
        order.set_defaults(run=do_order)
    wait = commands.add_parser("wait", help="until a guest is in a state, or has crashed")
    wait.add_argument("vm", metavar="VM", type=a_word)
    wait.add_argument("--state", choices=STATES, default="stopped", help="(stopped)")
    wait.add_argument("--within", type=seconds, default=1e9, metavar="SECONDS")
    wait.set_defaults(run=do_wait)
    commands.add_parser("follow", help="changes as they come, until Ctrl-C").set_defaults(run=do_follow)
    ask = commands.add_parser("ask", help="any command of the monitor; its answer as objects")
    ask.add_argument("words", metavar="WORD", nargs="+", type=words)
    ask.set_defaults(run=do_ask)
    return parser


def main():
    parser = command_line()
    arguments = parser.parse_args()
    if not arguments.at:
        parser.error("say where the machine is: --at /dev/ttyS0, or BULKHEAD_AT")
    try:
        line = Line(arguments.at, arguments.speed)
        try:
            monitor = Monitor(line, arguments.code, arguments.timeout)
        except BaseException:
            line.close()
            raise
        with monitor:
            return arguments.run(monitor, arguments)
    except Failure as failure:
        print(f"bulkheadctl: {failure}", file=sys.stderr)
        return failure.status
    except BrokenPipeError:
        return DONE             # whoever read from here has seen enough
    except KeyboardInterrupt:
        return DONE if arguments.command == "follow" else NO_ANSWER


if __name__ == "__main__":
    sys.exit(main())
