# SPDX-License-Identifier: MIT
"""The `machine` fixture: boots a disc made of a configuration.

    def test_says_hello(machine, guests):
        rig = machine(CONFIG, {"hello": guests / "hello.bin"}, cpus=2)
        rig.expect("hello: done", 60, "the guest to finish")
        rig.expect_end("end: ok")

The console log of a failed test is kept as build/tests/NAME.log.
"""

import pathlib
import re
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position
from places import BUILD, DISCS, KERNEL, LOGS  # noqa: E402 (first: it makes the tools importable)
from discs import disc  # noqa: E402
from machine import Spec, Unavailable, check_available  # noqa: E402
from rig import Rig  # noqa: E402


def pytest_sessionstart(session):
    """Discs older than the image hold another image: away with them."""
    if hasattr(session.config, "workerinput") or not KERNEL.exists():
        return
    for old in DISCS.glob("*.iso"):
        if old.stat().st_mtime < KERNEL.stat().st_mtime:
            old.unlink()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or (call.when != "teardown" and report.failed)


@pytest.fixture
def machine(request):
    """A function that boots a machine; whatever it started is stopped."""
    name = re.sub(r"[^\w.-]+", "-", request.node.name)
    rigs = []

    def boot(config, files=None, *, on="bochs", cpus=2, memory_mib=512, firmware="seabios",
             model=Spec.model, acpi=True, kernel=KERNEL, iommu=Spec.iommu, more=(), screen="",
             before=""):
        try:
            check_available(on)
        except Unavailable as reason:
            pytest.skip(str(reason))
        acpi_cpus = cpus if on == "bochs-uefi" and acpi else 0
        spec = Spec(name=on, iso=disc(config, files or {}, acpi_cpus, kernel, screen, before),
                    cpus=cpus, memory_mib=memory_mib, firmware=firmware, iommu=iommu, model=model,
                    more=tuple(more))
        directory = LOGS / f"{name}.run{len(rigs)}"
        shutil.rmtree(directory, ignore_errors=True)
        rigs.append(Rig(spec, directory))
        return rigs[-1]

    yield boot
    log = LOGS / f"{name}.log"
    log.unlink(missing_ok=True)
    for rig in rigs:
        if request.node.failed:
            rig.console.pump(0)
            with open(log, "ab") as kept:
                kept.write(bytes(rig.console.received))
                kept.write(f"\n-- the emulator:\n{rig.machine.emulator_messages()}\n".encode())
        rig.stop()
        shutil.rmtree(rig.machine.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def guests():
    """Where the test guests' images are."""
    return BUILD / "guest"


@pytest.fixture(scope="session")
def kernels():
    """Where kernels out of Debian's packages are."""
    return BUILD / "kernels"


@pytest.fixture(scope="session")
def demo():
    """Where the demo's configuration, kernel and initrd are."""
    return BUILD / "demo"
