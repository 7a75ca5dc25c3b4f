# SPDX-License-Identifier: MIT
"""VT-d, driven without guests: `selftest = "vtd"` on QEMU, which has no VT-x, with two
edu devices that do any DMA and raise any message they are told to.
"""

import re
import struct

import pytest

CONFIG = """\
[hypervisor]
selftest = "vtd"
when_all_stopped = "poweroff"
"""

# On the root bus; and each behind a bridge to a conventional bus of its own, whose
# requests reach the unit as those of function 0 there.
ROOT_BUS = ("edu,addr=0x5", "edu,addr=0x6")
BRIDGES = ("pcie-pci-bridge,id=a,addr=0x5", "pcie-pci-bridge,id=b,addr=0x6",
           "edu,bus=a,addr=1", "edu,bus=b,addr=2")
CARD = "e1000e,addr=0x7"
CLAIMS = 29
CLAIMS_OF_MSIX = 8
NO_CARD = "selftest vtd: there is no e1000e, and MSI-X is not looked at"


def selftest(machine, firmware="seabios", iommu="intremap=on", devices=ROOT_BUS, end="end: ok",
             more=()):
    """The hypervisor's lines from the inventory on."""
    more = [*more, *(word for device in devices for word in ("-device", device))]
    rig = machine(CONFIG, {}, on="qemu-tcg", firmware=firmware, cpus=2, iommu=iommu, more=more)
    rig.says("inventory:", 180)
    rig.says("selftest vtd: [0-9]+ of [0-9]+ claims hold", 120)
    rig.expect_end(end)
    own = f"[bulkhead {rig.code}] "
    return [line[len(own):] for line in rig.text().splitlines() if line.startswith(own)]


def assert_all_hold(said, claims_made=CLAIMS):
    claims = [line for line in said if line.startswith("selftest vtd: ") and line != NO_CARD]
    assert not [line for line in claims if "FAILED" in line], claims
    assert claims[-1] == f"selftest vtd: {claims_made} of {claims_made} claims hold"
    assert len(claims) == claims_made + 1


def faults(said):
    return [re.sub(r"DMA fault of (\S+), ", r"\1 ", line) for line in said if "DMA fault" in line]


def assert_attributed(said, device, nobody_reason):
    told = faults(said)
    blue = r"[0-9a-f]+000"
    for line, pattern in zip(told, (
            rf"{device} nobody's: write to {blue}: {nobody_reason}",
            rf"{device} of guest red: write to {blue}: not its memory to write \(reason 5\)",
            rf"{device} of guest red: read of {blue}: not its memory to read \(reason 6\)",
            rf"{device} of guest red: write to a0000: not its memory to write \(reason 5\)")):
        assert re.fullmatch(pattern, line), line
    # Red's device three more times after it was attached anew, and then no more.
    assert len(told) == 4 + 3, told
    assert [line for line in said if "quarantined" in line] == [
        f"device {device} is quarantined after 8 faults: no memory, no interrupts, no bus mastering"]


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_a_device_is_kept_to_its_guest(machine, firmware):
    said = selftest(machine, firmware)
    assert_all_hold(said)
    assert_attributed(said, "00:05.0", r"nothing on that bus is assigned \(reason 1\)")
    assert "VT-d is on: 1 unit, 39 bits, pages up to 1 GiB, APIC ids of 8 bits" in said


def test_so_it_is_behind_a_bridge_that_speaks_for_it(machine):
    said = selftest(machine, devices=BRIDGES)
    assert_all_hold(said)
    assert_attributed(said, "01:01.0", r"nothing on that bus is assigned \(reason 1\)")


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_a_card_with_msix_raises_what_its_guest_has_set(machine, firmware):
    said = selftest(machine, firmware, devices=(*ROOT_BUS, CARD))
    assert NO_CARD not in said
    assert_all_hold(said, CLAIMS + CLAIMS_OF_MSIX)


def test_so_it_is_with_four_levels_and_absent_entries_cached(machine):
    said = selftest(machine, iommu="intremap=on,aw-bits=48,caching-mode=on")
    assert_all_hold(said)
    assert any(line.startswith("VT-d is on: 1 unit, 48 bits") for line in said)


@pytest.mark.parametrize("iommu, reason", [
    ("intremap=off", "the DMAR table says that interrupts cannot be remapped"),
    ("", "the firmware's tables have no remapping unit (off in the BIOS setup?)"),
])
def test_without_it_the_reason_is_said_and_nothing_claimed(machine, iommu, reason):
    said = selftest(machine, iommu=iommu, end="end: status 1")
    assert f"VT-d is not used: {reason}" in said
    assert "selftest vtd: remapping is on: FAILED" in said
    assert "selftest vtd: 0 of 1 claims hold" in said


@pytest.mark.parametrize("address, problem", [
    (0x100000, "is said to be where RAM is"),
    (0xFFFFFFFFFFFFF000, "lies beyond this CPU's addresses"),
])
def test_a_unit_where_none_can_be_is_not_touched(machine, tmp_path, address, problem):
    table = tmp_path / "dmar"       # what follows its header: 39 bits, remaps, one unit for all
    table.write_bytes(struct.pack("<BB10xHHBxHQ", 38, 1, 0, 16, 1, 0, address))
    said = selftest(machine, iommu="", end="end: status 1",
                    more=("-acpitable", f"sig=DMAR,rev=1,data={table}"))
    assert f"iommu 0 {problem}" in said
    assert "VT-d is not used: one of the units is not where the DMAR table says" in said


def test_without_devices_the_self_test_fails(machine):
    said = selftest(machine, devices=(), end="end: status 1")
    assert "selftest vtd: there are memory and two edu devices: FAILED" in said
