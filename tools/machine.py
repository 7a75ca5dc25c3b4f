# SPDX-License-Identifier: MIT
"""Starts a machine from an ISO and gives its serial console.

A machine is an emulator with a firmware; `bochs.py` and `qemu.py` know how
each is told what to do. Each run has a directory of its own, so that several
run beside each other, and ends with the process that started it.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass

import bochs
import qemu
from console import Console

NAMES = ("bochs", "bochs-uefi", "qemu-kvm", "qemu-tcg")
CONNECT_TIMEOUT_S = 30
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """This machine cannot be started here; the text says why."""


@dataclass
class Spec:
    """What to start. `firmware`, seabios or ovmf, matters to QEMU only, and the
    processor `model` to Bochs."""
    name: str
    iso: pathlib.Path
    cpus: int = 2
    memory_mib: int = 512
    firmware: str = "seabios"
    iommu: str = "intremap=on"  # of the remapping unit, QEMU only; empty: there is none
    model: str = "corei7_skylake_x"
    more: tuple = ()            # further arguments for QEMU, lines of bochsrc for Bochs


def missing_for_kvm():
    """Why QEMU/KVM cannot run a hypervisor here, or None if it can."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"/dev/kvm does not open: {error.strerror}"
    if " vmx " not in _read("/proc/cpuinfo"):
        return "this CPU offers no VMX"
    if _read("/sys/module/kvm_intel/parameters/nested").strip() not in ("Y", "1"):
        return "kvm_intel does not offer nested VMX"
    return None


def _read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def choose():
    """The fastest machine here that can run guests."""
    return "bochs" if missing_for_kvm() else "qemu-kvm"


def check_available(name):
    if name not in NAMES:
        raise Unavailable(f"no machine is called {name}; there are {', '.join(NAMES)}")
    if name == "qemu-kvm" and missing_for_kvm():
        raise Unavailable(f"qemu-kvm: {missing_for_kvm()}")
    program = bochs.PROGRAM if name.startswith("bochs") else qemu.PROGRAM
    if not shutil.which(program):
        raise Unavailable(f"{name}: the program {program} is not installed (make deps)")


class Machine:
    """A started machine. Use it with `with`, or call stop()."""

    def __init__(self, spec, directory=None):
        check_available(spec.name)
        self.spec = spec
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="bulkhead-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.owns_directory = directory is None
        self.process = None
        self.console = None
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        # We listen and the emulator connects: the system picks the port, so
        # no two runs can ever want the same one.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            emulator = bochs if self.spec.name.startswith("bochs") else qemu
            command = emulator.command(self.spec, port, self.directory)
            with open(self.directory / "emulator.out", "wb") as output:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    cwd=self.directory, preexec_fn=_die_with_parent,
                    start_new_session=True)
            line = self._accept(listener)
        self.console = Console(line, self.directory / "console.log")

    def _accept(self, listener):
        listener.settimeout(0.2)
        for _ in range(CONNECT_TIMEOUT_S * 5):
            try:
                return listener.accept()[0]
            except socket.timeout:
                if self.process.poll() is not None:
                    break
        raise Unavailable(f"{self.spec.name} did not start:\n{self.emulator_messages()}")

    def emulator_messages(self, lines=15):
        """What the emulator itself said last: its panic, if it had one."""
        text = _read(self.directory / "emulator.out") + _read(self.directory / "emulator.log")
        return "\n".join(text.splitlines()[-lines:])

    def stop(self):
        """Ends the machine at once, whatever it is doing. May be called twice."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        if self.console:
            self.console.close()
            self.console = None
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def _die_with_parent():
    """In the child: no emulator is left behind when the runner is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
