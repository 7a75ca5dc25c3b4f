# SPDX-License-Identifier: MIT
"""The `machine` fixture: boots a disc made of a configuration.

    def test_says_hello(machine, guests):
        rig = machine(CONFIG, {"hello": guests / "hello.bin"}, cpus=2)
        rig.expect("hello: done", 60, "the guest to finish")
        rig.expect_end("end: ok")

Discs are kept under build/test-iso/ by content. The console log of a failed
test is kept as build/tests/NAME.log.
"""

import hashlib
import os
import pathlib
import re
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position
from places import BUILD, DISCS, KERNEL, LOGS  # noqa: E402 (first: it makes the tools importable)
import make_iso  # noqa: E402
from machine import Spec, Unavailable, check_available  # noqa: E402
from rig import Rig  # noqa: E402


def pytest_sessionstart(session):
    """Discs older than the image hold another image: away with them."""
    if hasattr(session.config, "workerinput") or not KERNEL.exists():
        return
    for disc in DISCS.glob("*.iso"):
        if disc.stat().st_mtime < KERNEL.stat().st_mtime:
            disc.unlink()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or (call.when != "teardown" and report.failed)


def disc(config, files, acpi_cpus=0, kernel=KERNEL, screen="", before=""):
    """The disc of this configuration text and these files: name -> path or bytes."""
    contents = {name: data if isinstance(data, bytes) else pathlib.Path(data).read_bytes()
                for name, data in files.items()}
    key = hashlib.sha256(kernel.read_bytes())
    for part in (config, acpi_cpus, screen, before, *sorted(contents.items())):
        key.update(hashlib.sha256(repr(part).encode()).digest())
    path = DISCS / f"{key.hexdigest()[:24]}.iso"
    if not path.exists():
        _make_disc(path, config, contents, acpi_cpus, kernel, screen, before)
    return path


def _make_disc(path, config, contents, acpi_cpus, kernel, screen, before):
    directory = path.with_suffix(f".{os.getpid()}")
    directory.mkdir(parents=True)
    try:
        (directory / "config.toml").write_bytes(
            config if isinstance(config, bytes) else config.encode())
        for name, data in contents.items():
            (directory / name).write_bytes(data)
        make_iso.make_iso(directory / "config.toml", directory / "disc", kernel,
                          acpi_cpus=acpi_cpus, also=tuple(contents), screen=screen,
                          before=before)
        (directory / "disc").rename(path)
    finally:
        shutil.rmtree(directory)


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
