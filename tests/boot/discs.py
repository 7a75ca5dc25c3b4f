# SPDX-License-Identifier: MIT
"""Discs that machines boot, kept under build/test-iso/ by what is on them."""

import hashlib
import os
import pathlib
import shutil

from places import DISCS, KERNEL  # first: it makes the tools importable
import make_iso


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
