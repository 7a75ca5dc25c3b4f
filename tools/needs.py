# SPDX-License-Identifier: MIT
"""How large a machine a configuration wants: CPUs and memory.

A guess good enough to start an emulator. Whether the configuration is right
is for Bulkhead to say, so nothing here complains.
"""

import re
import tomllib

import make_iso

UNIT_MIB = {"K": 1 / 1024, "M": 1, "G": 1024}
HYPERVISOR_MIB = 128
MEMORY_MIN_MIB = 256
MEMORY_STEP_MIB = 64
CPUS_DEFAULT = 3


def guests(text):
    try:
        found = tomllib.loads(text).get("vm", [])
    except tomllib.TOMLDecodeError:
        return []
    return [guest for guest in found if isinstance(guest, dict)] if isinstance(found, list) else []


def cpus(text):
    """The highest CPU number that is named, or as many as are counted."""
    highest = total = 0
    for guest in guests(text):
        wanted = guest.get("cpus", 1)
        if isinstance(wanted, int):
            total += wanted
        elif isinstance(wanted, list):
            numbers = [number for number in wanted if isinstance(number, int)]
            total += len(numbers)
            highest = max([highest] + [number + 1 for number in numbers])
    needed = max(highest, total)
    return needed if 1 <= needed <= 64 else CPUS_DEFAULT


def memory_mib(config):
    """The guests' memory, their images, and what Bulkhead itself may take."""
    text = config.read_text(errors="replace")
    total = HYPERVISOR_MIB
    for guest in guests(text):
        match = re.fullmatch(r"(\d{1,6})([KMG])", str(guest.get("memory", "")))
        if match:
            total += int(match[1]) * UNIT_MIB[match[2]]
    for name in make_iso.image_names(text):
        if make_iso.complaint_about(name, config.parent) is None:
            total += (config.parent / name).stat().st_size / 2**20
    steps = -(-max(total, MEMORY_MIN_MIB) // MEMORY_STEP_MIB)
    return int(steps * MEMORY_STEP_MIB)
