# SPDX-License-Identifier: MIT
"""Runs each cmocka program as one test case. The Makefile builds them."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "tests" / "unit").glob("test_*.c"))
TIMEOUT_S = 300


@pytest.mark.parametrize("name", [source.stem for source in SOURCES])
def test_program(name):
    program = ROOT / "build" / "unit" / name
    assert program.exists(), f"{name}.c is not in the Makefile's UNIT_TESTS"
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
