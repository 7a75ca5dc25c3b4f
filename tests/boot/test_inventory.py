# SPDX-License-Identifier: MIT
"""What the machine has is shown, whether it can run guests or not, and the
checker on the build host judges a configuration by it as the machine would.

QEMU is asked by its own monitor what its devices are.
"""

import json
import re
import socket
import subprocess

import pytest

from places import BUILD, ROOT

CONFIG = (ROOT / "guest" / "lifecycle.toml").read_text()
COLUMNS_MAX = 110

# A switch whose ports do not isolate, root ports that do, an old bus behind a bridge.
DEVICES = (
    "e1000e,netdev=a,addr=0x2", "edu,addr=0x3",
    "pcie-pci-bridge,id=old,addr=0x4", "e1000,netdev=b,bus=old,addr=1", "e1000,netdev=c,bus=old,addr=2",
    "pcie-root-port,id=port1,chassis=1,slot=1,multifunction=on,addr=0x6.0",
    "nvme,drive=disk,serial=1,bus=port1",
    "pcie-root-port,id=port2,chassis=2,slot=2,addr=0x6.1",
    "x3130-upstream,id=switch,bus=port2",
    "xio3130-downstream,id=down1,bus=switch,chassis=3,slot=3",
    "xio3130-downstream,id=down2,bus=switch,chassis=4,slot=4",
    "e1000e,netdev=d,bus=down1", "virtio-rng-pci,bus=down2",
)
SWITCH = {"03:00.0", "04:00.0", "04:01.0", "05:00.0", "06:00.0"}


def qemu_arguments():
    arguments = ["-qmp", "unix:qmp,server=on,wait=off",
                 "-blockdev", "null-co,node-name=disk,read-zeroes=on"]
    for name in "abcd":
        arguments += ["-netdev", f"hubport,id={name},hubid=0"]
    for device in DEVICES:
        arguments += ["-device", device]
    return arguments


def ask_qemu(directory, command):
    """One command of QEMU's monitor, and its answer."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(str(directory / "qmp"))
        stream = line.makefile("rw")
        stream.readline()
        for wanted in ("qmp_capabilities", command):
            stream.write(json.dumps({"execute": wanted}) + "\n")
            stream.flush()
            answer = json.loads(stream.readline())
            while "event" in answer:
                answer = json.loads(stream.readline())
        return answer["return"]


def devices_of(buses):
    """address -> what QEMU says of the device there."""
    found = {}
    for bus in buses:
        for device in bus["devices"]:
            address = f"{device['bus']:02x}:{device['slot']:02x}.{device['function']:x}"
            found[address] = device
            if "pci_bridge" in device:
                found.update(devices_of([{"devices": device["pci_bridge"].get("devices", [])}]))
    return found


def functions_of(text):
    """address -> (ids, group, rest of its lines) as Bulkhead shows them."""
    found, address = {}, None
    for line in text.splitlines():
        line = re.sub(r"^.*\[bulkhead \w+\] ", "", line)
        match = re.match(r"  ([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])  .*?  (\w{4}:\w{4})  group (\d+)(.*)", line)
        if match:
            address = match[1]
            found[address] = [match[2], int(match[3]), match[4]]
        elif line.startswith(" " * 10) and address:
            found[address][2] += "  " + line.strip()
        else:
            address = None
    return found


def amount(text):
    units = {"K": 10, "M": 20, "G": 30}
    return int(text[:-1]) << units[text[-1]] if text[-1] in units else int(text)


def assert_bars(shown, regions):
    bars = {int(n): (kind.strip(), int(base, 16), amount(size)) for n, kind, base, size in re.findall(
        r"BAR(\d) ((?:io |64-bit |pref )*)([0-9a-f]+) (\w+)", shown)}
    told = {region["bar"]: region for region in regions if region["bar"] < 6}
    assert bars.keys() == told.keys(), shown
    for number, (kind, base, size) in bars.items():
        region = told[number]
        assert (base, size) == (region["address"], region["size"])
        assert ("io" in kind) == (region["type"] == "io")
        assert ("64-bit" in kind) == bool(region.get("mem_type_64"))
        assert ("pref" in kind) == bool(region.get("prefetch"))


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_every_function_is_shown_as_it_is_before_the_refusal(machine, guests, firmware):
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    rig = machine(CONFIG, files, on="qemu-tcg", firmware=firmware, cpus=2, more=qemu_arguments())
    rig.expect_halt("this machine cannot run guests", 180)
    text = rig.text()
    told = devices_of(ask_qemu(rig.machine.directory, "query-pci"))
    shown = functions_of(text[:text.index("preflight:")])
    assert shown.keys() == told.keys()
    for address, device in told.items():
        ids, _, rest = shown[address]
        assert ids == f"{device['id']['vendor']:04x}:{device['id']['device']:04x}"
        if device["class_info"]["class"] != 0x0600:
            assert_bars(rest, device["regions"])
        if "pci_bridge" in device:
            bus = device["pci_bridge"]["bus"]
            assert f"bus {bus['secondary']:02x}-{bus['subordinate']:02x}" in rest
    groups = {address: group for address, (_, group, _) in shown.items()}
    assert groups["01:01.0"] == groups["01:02.0"] == groups["00:04.0"]
    assert len({groups[address] for address in SWITCH}) == 1
    assert groups["02:00.0"] not in (groups["00:06.0"], groups["03:00.0"])
    assert groups["00:1f.0"] == groups["00:1f.2"] != groups["00:02.0"]
    assert "FLR" in shown["02:00.0"][2] and "MSI-X 65" in shown["02:00.0"][2]
    assert re.search(r"DMA remapping: 39 bits +interrupts, too", text)
    assert re.search(r"iommu 0 at fed90000, segment 0, for:", text)
    assert re.search(r"the firmware's table has 2 CPUs, 1 are used", text)
    assert re.search(r"DMA and interrupt remapping +optional +yes", text)
    inventory = text[text.index("inventory: cpus"):text.index("preflight:")].splitlines()
    assert all(len(line) <= COLUMNS_MAX for line in inventory)


TOO_MUCH = """\
[[vm]]
name = "one"
cpus = [0, 2]
memory = "96M"
kernel = "triple.bin"

[[vm]]
name = "two"
cpus = 2
memory = "64M"
kernel = "witness.bin"
"""


def findings(text):
    return re.findall(r"\bconfig[^:\n]*:(\d+:\d+: (?:error|warning): .*)", text)


def test_a_saved_inventory_finds_what_the_machine_finds(machine, guests, tmp_path):
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    rig = machine(TOO_MUCH, files, cpus=2, memory_mib=128)
    rig.expect_halt("the configuration has errors; no guest was started", 60)
    text = rig.text()
    shown = functions_of(text)
    assert [(address, ids) for address, (ids, _, _) in shown.items()][:3] == [
        ("00:00.0", "8086:1237"), ("00:01.0", "8086:7000"), ("00:01.1", "8086:7010")]
    assert shown["00:01.1"][1] == shown["00:01.0"][1] != shown["00:00.0"][1]
    assert re.search(r"ioapic 2 at fec00000, GSI from 0 +irq 0: GSI 2", text)

    (tmp_path / "saved").write_bytes(bytes(rig.console.received))
    (tmp_path / "config").write_text(TOO_MUCH)
    for name, path in files.items():
        (tmp_path / name).write_bytes(path.read_bytes())
    done = subprocess.run([BUILD / "bulkhead-check", "--inventory", "saved", "config"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(findings(text)) == 3
    assert findings(done.stderr) == findings(text)

    (tmp_path / "config").write_text(TOO_MUCH.replace("[0, 2]", "1").replace("cpus = 2", "cpus = 1")
                                     .replace("96M", "32M"))
    done = subprocess.run([BUILD / "bulkhead-check", "--inventory", "saved", "config"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "The machine has 2 CPUs" in done.stdout and f"{len(shown)} PCI functions" in done.stdout


def test_an_inventory_that_is_not_wanted_is_not_shown(machine, guests):
    files = {name: guests / name for name in ("triple.bin", "witness.bin")}
    config = CONFIG.replace("[hypervisor]\n", "[hypervisor]\ninventory = false\n")
    rig = machine(config, files, cpus=2, memory_mib=128)
    rig.says("preflight:", 60)
    assert "inventory:" not in rig.text()
    rig.says("2 guests start", 60)
