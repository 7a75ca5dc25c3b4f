#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots a disc on a machine and connects it with this terminal.

On a terminal, every key goes to the machine: Bulkhead's own keys (Ctrl-] and
another) are understood there, not here, except Ctrl-] ! which ends the run at
once even if nobody answers. Without a terminal the console is printed until
the machine ends. The exit status is the run's: 0 if every guest ended well; the
status that a guest wrote to its exit port, 255 if it is larger; else 1.
"""

import argparse
import os
import pathlib
import select
import signal
import sys
import termios
import time
import tty

import make_iso
import needs
from machine import NAMES, Machine, Spec, Unavailable, choose, missing_for_kvm
from outcome import Outcome

ESCAPE_KEY = 0x1D               # Ctrl-]
EMERGENCY_KEY = ord("!")
POWER_OFF_TIMEOUT_S = 10
STATUS_ENDED_BY_USER = 130


class Keyboard:
    """Bytes typed here, less the emergency exit, which it recognises."""

    def __init__(self):
        self.escape_held = False
        self.emergency = False

    def filter(self, data):
        out = bytearray()
        for byte in data:
            if self.escape_held and byte == EMERGENCY_KEY:
                self.emergency = True
                break
            if self.escape_held:
                out.append(ESCAPE_KEY)
                self.escape_held = False
                out.append(byte)
            elif byte == ESCAPE_KEY:
                self.escape_held = True
            else:
                out.append(byte)
        return bytes(out)


def say(text):
    print(f"\r\n-- {text}\r", file=sys.stderr, flush=True)


def write_all(data):
    while data:
        data = data[os.write(sys.stdout.fileno(), data):]


def bridge(machine, interactive):
    """Carries bytes until the run is over; returns its exit status."""
    console, outcome, keyboard = machine.console, Outcome(), Keyboard()
    deadline, shown = None, 0
    while not console.closed and not outcome.halted:
        if interactive and select.select([0, console], [], [], 0.05)[0].count(0):
            console.send(keyboard.filter(os.read(0, 4096)))
            if keyboard.emergency:
                say("ended by Ctrl-] !")
                return STATUS_ENDED_BY_USER
        console.pump(0 if interactive else 0.5)
        data = bytes(console.received[shown:])  # sending receives, too
        shown += len(data)
        write_all(data)
        outcome.feed(data)
        if outcome.closing and deadline is None:
            deadline = time.monotonic() + POWER_OFF_TIMEOUT_S
        if deadline and time.monotonic() > deadline:
            say("the machine has not switched itself off; this run ends here")
            break
    outcome.finish()
    report(machine, outcome)
    return outcome.exit_status


def report(machine, outcome):
    if outcome.closing is None:
        say("the machine ended before Bulkhead said how its guests did")
        if outcome.code is None or machine.spec.name.startswith("bochs"):
            say(machine.emulator_messages(4).replace("\n", "\r\n"))


class RawTerminal:
    """Gives each key as it is typed; the terminal is restored whatever happens."""

    def __init__(self, interactive):
        self.saved = termios.tcgetattr(0) if interactive else None

    def __enter__(self):
        if self.saved:
            tty.setraw(0)

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iso", type=pathlib.Path, required=True, help="the disc to boot")
    parser.add_argument("--config", type=pathlib.Path,
                        help="its configuration: says how large a machine it wants")
    parser.add_argument("--kernel", type=pathlib.Path, default="build/bulkhead.stripped.elf",
                        help="Bulkhead's image, for a disc that bochs-uefi needs made anew")
    parser.add_argument("--machine", default="", metavar="|".join(NAMES),
                        help="which machine (default: the fastest here that can run guests)")
    parser.add_argument("--firmware", choices=("seabios", "ovmf"), default="seabios",
                        help="QEMU's firmware (default: %(default)s)")
    parser.add_argument("--cpus", type=int, help="CPUs (default: what the configuration wants)")
    parser.add_argument("--memory", type=int, metavar="MIB", help="memory (default: likewise)")
    parser.add_argument("--directory", type=pathlib.Path,
                        help="keep the console's and the emulator's logs here")
    return parser.parse_args()


def make_spec(arguments):
    """The machine to start; `arguments` win over the configuration."""
    cpus, memory = needs.CPUS_DEFAULT, 1024
    if arguments.config:
        cpus = needs.cpus(arguments.config.read_text(errors="replace"))
        memory = needs.memory_mib(arguments.config)
    return Spec(name=arguments.machine or choose(), iso=arguments.iso,
                cpus=arguments.cpus or cpus, memory_mib=arguments.memory or memory,
                firmware=arguments.firmware)


def give_acpi_tables(spec, arguments):
    """Bochs with UEFI has no ACPI tables: its disc must bring them."""
    if spec.name == "bochs-uefi" and arguments.config:
        spec.iso = arguments.iso.with_suffix(".acpi.iso")
        make_iso.make_iso(arguments.config, spec.iso, arguments.kernel, acpi_cpus=spec.cpus)


def main():
    arguments = parse()
    for path in filter(None, (arguments.iso, arguments.config)):
        if not path.is_file():
            raise SystemExit(f"{path} does not exist")
    spec = make_spec(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STATUS_ENDED_BY_USER))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(STATUS_ENDED_BY_USER))
    interactive = sys.stdin.isatty()
    give_acpi_tables(spec, arguments)
    because = f" ({missing_for_kvm()})" if not arguments.machine and spec.name == "bochs" else ""
    print(f"-- {spec.name}{because}: {spec.cpus} CPUs, {spec.memory_mib} MiB"
          + ("; Ctrl-] ! ends this run at once" if interactive else ""), file=sys.stderr)
    try:
        with Machine(spec, arguments.directory) as machine, RawTerminal(interactive):
            return bridge(machine, interactive)
    except Unavailable as error:
        raise SystemExit(f"-- {error}") from None
    except (KeyboardInterrupt, BrokenPipeError):
        return STATUS_ENDED_BY_USER


if __name__ == "__main__":
    sys.exit(main())
