# SPDX-License-Identifier: MIT
"""Where things lie, for the boot tests; makes the tools importable."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
KERNEL = BUILD / "bulkhead.stripped.elf"
DISCS = BUILD / "test-iso"
LOGS = BUILD / "tests"

if str(ROOT / "tools") not in sys.path:
    sys.path.insert(0, str(ROOT / "tools"))
