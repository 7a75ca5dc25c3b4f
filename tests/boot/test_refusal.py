# SPDX-License-Identifier: MIT
"""A machine that cannot run guests is told all the reasons, and halts."""

import re

import pytest

from places import ROOT

CONFIG = (ROOT / "guest" / "lifecycle.toml").read_text()
# What QEMU without KVM does not have.
MISSING = ("VMX", "VMX allowed by the firmware", "NMI exiting", "virtual NMIs",
           "VMX-preemption timer", "MSR bitmaps", "secondary controls", "EPT", "unrestricted guest")


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_a_machine_without_vmx_is_refused_with_every_reason(machine, guests, firmware):
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    rig = machine(CONFIG, files, on="qemu-tcg", firmware=firmware, cpus=2)
    rig.expect_halt("this machine cannot run guests", 120)
    text = rig.text()
    for feature in MISSING:
        assert re.search(rf"\] +{feature} +required +NO +\S", text), feature
    rig.still_silent("triple:|witness:", 2)
