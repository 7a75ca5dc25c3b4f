# SPDX-License-Identifier: MIT
"""Every Intel processor with VMX that Bochs imitates: the demo boots on it, or it
is refused with the true reason.

`make test` tries two of them; `make test-matrix` all.
"""

import re

import pytest

BOOT_TIMEOUT_S = 400

SMP = """\
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "smp"
cpus = 2
memory = "16M"
kernel = "smp.bin"
"""

# Required, and missing in the model; the others are there.
REFUSED = {
    "core2_penryn_t9600": (
        "x2APIC", "VMX-preemption timer", "EPT", "unrestricted guest", "EPT with 4 levels",
        "EPT tables in write-back memory", "EPT pages of 2 MiB", "INVEPT", "IA32_PAT switched",
        "IA32_EFER switched", "IA32_PAT loaded", "IA32_EFER loaded"),
    "corei5_lynnfield_750": ("x2APIC", "unrestricted guest"),
    "corei5_arrandale_m520": ("x2APIC",),
    "corei7_sandy_bridge_2600k": ("x2APIC",),
}

# Optional, and in no machine of Bochs.
NOWHERE = {"ENCLS exiting", "ENCLV exiting", "DMA and interrupt remapping"}
# Optional, and missing in the model besides.
WITHOUT = {
    "corei7_ivy_bridge_3770k": ("EPT pages of 1 GiB", "INVPCID", "XSAVEC", "XSAVES"),
    "corei7_haswell_4770": ("XSAVEC", "XSAVES"),
    "broadwell_ult": ("XSAVEC", "XSAVES"),
    # What these three call XSAVEC does not keep its format in Bochs 2.7.
    "corei7_skylake_x": ("XSAVEC", "XSAVES"),
    "corei3_cnl": ("XSAVEC", "XSAVES"),
    "corei7_icelake_u": ("XSAVEC", "XSAVES"),
    "tigerlake": ("XSAVEC", "XSAVES"),
}
# On these Debian's kernel stalls without a hypervisor, too.
LINUX_STALLS = ("corei7_icelake_u", "tigerlake")

IN_EVERY_TEST = ("corei7_sandy_bridge_2600k", "broadwell_ult")


def models(names):
    return [name if name in IN_EVERY_TEST else pytest.param(name, marks=pytest.mark.matrix)
            for name in names]


def missing(rig, need):
    """The names of rows that say NO."""
    return tuple(name.strip() for name in
                 re.findall(rf"\] +(\S[^\r\n]*?) +{need} +NO +\S", rig.text()))


@pytest.mark.parametrize("model", models(REFUSED))
def test_a_model_that_cannot_run_guests_is_refused_with_every_reason(machine, guests, model):
    rig = machine(SMP, {"smp.bin": guests / "smp.bin"}, cpus=2, memory_mib=128, model=model)
    rig.expect_halt("this machine cannot run guests", 120)
    assert missing(rig, "required") == REFUSED[model]


@pytest.mark.parametrize("model", models(WITHOUT))
def test_a_model_runs_a_guest_of_two_vcpus(machine, guests, model):
    rig = machine(SMP, {"smp.bin": guests / "smp.bin"}, cpus=2, memory_mib=128, model=model)
    rig.expect("^smp: done\r", 120, "the guest to finish")
    rig.expect_end("end: ok", 120)
    assert missing(rig, "required") == ()
    assert set(missing(rig, "optional")) == NOWHERE | set(WITHOUT[model])
    assert "FAIL" not in rig.text()


@pytest.mark.matrix
@pytest.mark.parametrize("model", [model for model in WITHOUT if model not in LINUX_STALLS])
def test_the_demo_boots(machine, demo, model):
    files = {name: demo / name for name in ("vmlinuz", "initrd")}
    rig = machine((demo / "demo.toml").read_text(), files, cpus=3, memory_mib=640,
                  model=model).announced()
    rig.expect(r"^red:[^#\r\n]*# ", BOOT_TIMEOUT_S, "red's shell")
    rig.send("\x1dn")
    rig.says("console: blue ")
    rig.expect(r"^blue:[^#\r\n]*# ", BOOT_TIMEOUT_S, "blue's shell")
    rig.send("\x1dq")
    rig.says("the user ends the run")
    rig.expect_end("end: ok")
