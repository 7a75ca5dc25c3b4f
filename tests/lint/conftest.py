# SPDX-License-Identifier: MIT
"""What all lint tests look at."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTSIDE = {"build", ".git"}


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def image_sources():
    """path -> text of every C source and header that the image is made of."""
    return {str(path.relative_to(ROOT)): path.read_text()
            for directory in ("boot", "arch", "hv", "drivers")
            for path in sorted((ROOT / directory).rglob("*.[ch]"))}


@pytest.fixture(scope="session")
def all_texts():
    """path -> text of every file that a person wrote, but these rules' own."""
    texts = {}
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not OUTSIDE & set(parts) and "__pycache__" not in parts \
                and parts[:2] != ("tests", "lint"):
            texts["/".join(parts)] = path.read_text(errors="replace")
    return texts
