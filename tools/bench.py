#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What Bulkhead costs, in instructions: `make bench`.

On Bochs one tick of the TSC is one instruction, so the numbers are exact and
the same at each run. Single operations are measured by guest/bench.c, once on
the bare machine and once as a guest; Bochs' debugger writes down every
instruction of one more, which tells root mode from guest mode and counts VM
exits and accesses to the VMCS. Linux is started on the bare machine by the
same code that starts it as a guest (guest/native), and timed from its entry to
its shell. Prints tables, and writes build/bench.json and a picture of it, build/bench.svg.
"""

import json
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import bench_chart
import bochs
import make_initrd
import make_iso
from machine import Machine, Spec

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
KERNEL = BUILD / "bulkhead.stripped.elf"
NATIVE = BUILD / "native" / "native.elf"
TSC_PROGRAM = BUILD / "native" / "tsc"
BENCH = BUILD / "guest" / "bench.bin"
RESULT = BUILD / "bench.json"
CHART = BUILD / "bench.svg"

HUNDREDTHS = 100                # unit of the guest's numbers
TIMEOUT_S = 300
TRACES_MAX = 64
HOST_ADDRESS = "ffffffff8"      # where the image is linked

# What the flight recorder may add to an exit where nothing else made up for it.
RECORDER = 15

# What Linux' KVM 6.1 takes on the same machine, where that was measured: from the least
# to the most. Of PIC and PIT it is known for all their ports together.
KVM_PORTS = (1_268, 2_165)
KVM = {"ioapic_read": (3_754, 3_754), "ioapic_write": (3_689, 3_689),
       **dict.fromkeys(("unassigned_read", "unassigned_write"), (5_777, 5_777)),
       **dict.fromkeys(("pic_end", "pic_mask_read", "pic_mask_write", "pit_latch", "pit_read",
                        "pit_write", "port_61_read"), KVM_PORTS)}

# What the numbers should be at most; None: no VM exit at all. Those of the IOAPIC and of
# memory that is none are a tenth of KVM's, those of PIC and PIT an eighth of the most that
# it takes for any of their ports.
GOALS = {**dict.fromkeys(("cpuid", "cpuid_1"), 120 + RECORDER),
         **dict.fromkeys(("rdmsr", "wrmsr"), 150 + RECORDER),
         **dict.fromkeys(("in_emulated", "out_emulated", "in_unowned", "out_unowned"),
                         200 + RECORDER),
         **dict.fromkeys(("mmio_read", "mmio_write", "xapic_read", "xapic_write", "xapic_eoi",
                          "xapic_icr"), 400),
         **dict.fromkeys(("unassigned_read", "unassigned_write"), 577),
         "ioapic_read": 375, "ioapic_write": 369,
         **dict.fromkeys(("pic_end", "pic_mask_read", "pic_mask_write", "pit_latch", "pit_read",
                          "pit_write", "port_61_read"), 271),
         "eoi": None, "tsc_deadline": None, "tpr": None, "cr3_write": None,
         "cr8_write": None, "invlpg": None, "rdtsc": None, "pause": None, "self_ipi": None,
         "halt_wake": None}
LINUX_RATIO_GOAL = 1.05
LINUX_MIB = 256
IMAGE_BYTES_GOAL = 400 * 1024        # as tests/lint has it
START_GOAL = 30_000_000

CMDLINE = ("console=ttyS0,115200 quiet bulkhead.guest=bench cryptomgr.notests "
           "initcall_blacklist=load_system_certificate_list tsc_early_khz=100000")

GUEST_CONFIG = """\
[hypervisor]
log = "debug"
when_all_stopped = "poweroff"

[[vm]]
name = "bench"
cpus = {cpus}
memory = "{memory}M"
kernel = "kernel"
{initrd}
cmdline = "{cmdline}"
"""

NATIVE_MENU = """\
multiboot2 /boot/native.elf {cmdline}
module2 --nounzip /boot/kernel kernel
{initrd}
boot
"""


# ---- Discs ---------------------------------------------------------------------


def guest_disc(directory, kernel, cpus, memory, cmdline, initrd=None):
    shutil.copyfile(kernel, directory / "kernel")
    if initrd:
        (directory / "initrd").write_bytes(initrd)
    config = directory / "bench.toml"
    config.write_text(GUEST_CONFIG.format(cpus=cpus, memory=memory, cmdline=cmdline,
                                          initrd='initrd = "initrd"' if initrd else ""))
    make_iso.make_iso(config, directory / "guest.iso", KERNEL, strict=True)
    return directory / "guest.iso"


def native_disc(directory, kernel, cmdline, initrd=None):
    root = directory / "native"
    (root / "boot" / "grub").mkdir(parents=True)
    shutil.copyfile(NATIVE, root / "boot" / "native.elf")
    shutil.copyfile(kernel, root / "boot" / "kernel")
    if initrd:
        (root / "boot" / "initrd").write_bytes(initrd)
    line = "module2 --nounzip /boot/initrd initrd" if initrd else ""
    (root / "boot" / "grub" / "grub.cfg").write_text(
        NATIVE_MENU.format(cmdline=cmdline, initrd=line))
    subprocess.run(["grub-mkrescue", "-o", str(directory / "native.iso"), "--fonts=",
                    "--locales=", "--themes=", f"--install-modules={make_iso.MODULES}",
                    str(root)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return directory / "native.iso"


def run(directory, iso, cpus, memory_mib, until):
    """Boots the disc; returns the console's text once `until` has come."""
    spec = Spec(name="bochs", iso=iso, cpus=cpus, memory_mib=memory_mib)
    with Machine(spec, directory / "machine") as machine:
        machine.console.expect(until, TIMEOUT_S)
        return machine.console.text()


# ---- Single operations -----------------------------------------------------------


def results(text):
    """Name -> (min, median) in instructions."""
    return {name: (int(low) / HUNDREDTHS, int(median) / HUNDREDTHS)
            for name, low, median in
            re.findall(r"^bench: op=(\w+) min=(-?\d+) median=(-?\d+)", text, re.MULTILINE)}


def trace_operations(directory, iso):
    """Name -> every instruction of CPU 0 while it did the operation once."""
    spec = Spec(name="bochs", iso=iso, cpus=2, memory_mib=128)
    command = bochs.command(spec, 0, directory)
    settings = (directory / "bochsrc").read_text()
    settings = re.sub(r"^com1: .*$", "com1: enabled=1, mode=file, dev=com1.txt", settings,
                      flags=re.MULTILINE)
    (directory / "bochsrc").write_text(settings + "magic_break: enabled=1\n")
    (directory / "debugger").write_text("c\ntrace on\nc\ntrace off\n" * TRACES_MAX)
    with open(directory / "trace", "wb") as output:
        subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output,
                       stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
    names = re.findall(r"^bench: trace=(\w+)", (directory / "com1.txt").read_text(), re.MULTILINE)
    return dict(zip(names, split_trace(directory / "trace")))


def split_trace(path):
    """The instructions of each stretch that was traced, as (address, text)."""
    stretches, current = [], None
    instruction = re.compile(r"^\(0\)\.\[\d+\] \[\w+\] \w+:(\w+) \([^)]*\): (.*?) *; \w+$")
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("Tracing enabled for CPU0"):
            current = []
        elif line.startswith("Tracing disabled for CPU0"):
            stretches.append(current)
            current = None
        elif current is not None:
            match = instruction.match(line)
            if match:
                current.append((match[1], match[2]))
    return stretches


def count_trace(instructions):
    """What one operation did: exits, VMCS accesses, instructions in root mode."""
    root = [text for address, text in instructions if address.startswith(HOST_ADDRESS)]
    exits = sum(text.startswith(("vmresume", "vmlaunch")) for text in root)
    return {
        "root_mode": len(root),
        "exits": exits,
        "vmreads_per_exit": sum(t.startswith("vmread") for t in root) / exits if exits else 0,
        "vmwrites_per_exit": sum(t.startswith("vmwrite") for t in root) / exits if exits else 0,
    }


def measure_operations(directory):
    native = results(run(directory, native_disc(directory, BENCH, ""), 2, 64, "bench: done"))
    iso = guest_disc(directory, BENCH, 2, 16, "")
    guest = results(run(directory, iso, 2, 128, "bench: done"))
    (directory / "t").mkdir()
    iso = guest_disc(directory / "t", BENCH, 2, 16, "trace=1")
    traces = trace_operations(directory / "t", iso)
    operations = {}
    for name, (low, median) in guest.items():
        bare = round(native.get(name, (1, 1))[0])
        operations[name] = {"native": bare, "min": round(low - bare, 2),
                            "median": round(median - bare, 2),
                            **count_trace(traces.get(name, []))}
    return operations


def print_operations(operations):
    print(f"{'operation':16}{'native':>8}{'min':>9}{'median':>9}{'root':>7}{'exits':>7}"
          f"{'vmread':>8}{'vmwrite':>8}  goal")
    for name, value in operations.items():
        goal = ""
        if name in GOALS and GOALS[name] is None:
            goal = "no exit" + ("" if value["exits"] == 0 else "  MISSED")
        elif name in GOALS:
            goal = f"{GOALS[name]}" + ("" if value["median"] <= GOALS[name] else "  MISSED")
        print(f"{name:16}{value['native']:8}{value['min']:9.1f}{value['median']:9.1f}"
              f"{value['root_mode']:7}{value['exits']:7}{value['vmreads_per_exit']:8.1f}"
              f"{value['vmwrites_per_exit']:8.1f}  {goal}")


# ---- Linux -----------------------------------------------------------------------


def bench_initrd():
    """The demo's, which says the TSC just before it gives a shell."""
    busybox = (BUILD / "demo" / "busybox").read_bytes()
    init = (ROOT / "guest" / "demo" / "init").read_text()
    before, after = init.split("while true; do\n", 1)
    init = f"{before}/bin/tsc\nwhile true; do\n{after}"
    program = make_initrd.entry(1, "bin/tsc", 0o100755, TSC_PROGRAM.read_bytes())
    end = make_initrd.entry(2, "TRAILER!!!", 0)
    return make_initrd.archive(busybox, init.encode()) + program + end


def yardsticks():
    """What the numbers are held against, for the picture."""
    return {"goals": GOALS, "kvm": KVM, "linux_ratio_goal": LINUX_RATIO_GOAL}


def number(pattern, text):
    match = re.search(pattern, text, re.MULTILINE)
    return int(match[1]) if match else None


def exit_counts(text):
    """From lines "NAME: vCPU 0: 12 exits by CPUID": reason -> number."""
    totals = {}
    for count, name in re.findall(r"\] bench: vCPU \d+: (\d+) exits by ([^\r\n]+)", text):
        totals[name] = totals.get(name, 0) + int(count)
    return totals


def measure_linux(directory):
    kernel, initrd = BUILD / "demo" / "vmlinuz", bench_initrd()
    text = run(directory, native_disc(directory, kernel, CMDLINE, initrd), 1, 256,
               r"^tsc=\d+\r\n")
    native = number(r"^tsc=(\d+)", text) - number(r"^native: entry tsc=(\d+)", text)

    iso = guest_disc(directory, kernel, 1, LINUX_MIB, CMDLINE, initrd)
    spec = Spec(name="bochs", iso=iso, cpus=1, memory_mib=384)
    with Machine(spec, directory / "machine") as machine:
        machine.console.expect(r"^bench:~# ", TIMEOUT_S)
        machine.console.send("poweroff\n")
        machine.console.wait_closed(TIMEOUT_S)
        text = machine.console.text()
    entry = number(r"\] guests start at TSC (\d+)", text)
    guest = number(r"^tsc=(\d+)", text) - entry if entry else None
    return {"native": native, "guest": guest, "exits": exit_counts(text)}, text


def print_linux(linux):
    print(f"\nLinux from its entry to its shell: {linux['native']:,} instructions natively")
    if linux["guest"]:
        ratio = linux["guest"] / linux["native"]
        print(f"as a guest {linux['guest']:,}: {ratio:.3f} times (goal: {LINUX_RATIO_GOAL})"
              + ("" if ratio <= LINUX_RATIO_GOAL else "  MISSED"))
    for name, count in sorted(linux["exits"].items(), key=lambda item: -item[1]):
        print(f"  {name:28}{count:10,}")


# ---- Devices of the machine ----------------------------------------------------------

DEVICES_CONFIG = """\
[hypervisor]
log = "debug"
when_all_stopped = "poweroff"

[[vm]]
name = "bench"
cpus = 1
memory = "64M"
kernel = "kernel"
cmdline = "packets={packets} reads={reads}"
devices = ["00:02.0", "00:01.1"]
dma = "unprotected"
"""
PACKETS, READS, FEW = 1000, 200, 100


def run_devices(directory, packets, reads, more=()):
    """Console of guest/assigned.c, which owns a network card and a disk controller."""
    directory.mkdir(parents=True)
    shutil.copyfile(BUILD / "guest" / "assigned.bin", directory / "kernel")
    (directory / "disk.img").write_bytes(bytes(32 * 16 * 63 * 512))
    (directory / "c.toml").write_text(DEVICES_CONFIG.format(packets=packets, reads=reads))
    make_iso.make_iso(directory / "c.toml", directory / "guest.iso", KERNEL, strict=True)
    spec = Spec(name="bochs", iso=directory / "guest.iso", cpus=1, memory_mib=256, more=(
        f"pci: enabled=1, chipset=i440fx, slot1=e1000{', slot2=ne2k' if more else ''}",
        "e1000: enabled=1, mac=52:54:00:12:34:57, ethmod=null",
        "ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15",
        f'ata1-master: type=disk, path="{directory}/disk.img", mode=flat, '
        "cylinders=32, heads=16, spt=63", *more))
    with Machine(spec, directory / "machine") as machine:
        machine.console.wait_closed(TIMEOUT_S)
        return machine.console.text()


def measure_devices(directory):
    """Costs of configuration space, and exits of what comes again and again: the
    difference of two runs, which are the same but for that."""
    one_more = "ne2k: enabled=1, mac=52:54:00:12:34:56, ethmod=null",
    texts = {name: run_devices(directory / name, packets, reads, more)
             for name, packets, reads, more in (
                 ("few", FEW, FEW, ()), ("packets", FEW + PACKETS, FEW, ()),
                 ("reads", FEW, FEW + READS, ()), ("one", FEW, FEW, one_more))}
    # NMIs are the console's.
    exits = {name: sum(count for reason, count in exit_counts(text).items() if "NMI" not in reason)
             for name, text in texts.items()}
    (few, ticks), (_, ticks_of_one_more) = (
        map(int, re.search(r"(\d+) PCI functions found in (\d+) ticks", texts[name]).groups())
        for name in ("few", "one"))
    return {**{name: int(ticks) for name, ticks in
               re.findall(r"^assigned: op=(\w+) ticks=(\d+)", texts["few"], re.MULTILINE)},
            "exits_per_packet": (exits["packets"] - exits["few"]) / PACKETS,
            "exits_per_read": (exits["reads"] - exits["few"]) / READS,
            "inventory_of_256": ticks + (256 - few) * (ticks_of_one_more - ticks)}


def print_devices(devices):
    print(f"\ndevices of the machine: a register of configuration space "
          f"{devices['config_read']} instructions by port, {devices['config_read_memory']} in "
          f"memory; moving a BAR {devices['bar_move']}")
    for what in ("packet", "read"):
        exits = devices[f"exits_per_{what}"]
        print(f"exits per {what}: {abs(exits):.2f} (goal: none)"
              + ("" if exits < 0.05 else "  MISSED"))
    print(f"inventory of 256 PCI functions, by what one more costs: "
          f"{devices['inventory_of_256']:,} instructions")


# ---- Size and start ----------------------------------------------------------------


def image_bytes():
    """What the boot loader reads from the disc, and what it becomes in memory."""
    image = KERNEL.read_bytes()
    offset, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", image, offset + i * size) for i in range(count)]
    segments = [header for header in headers if header[0] == 1]
    return sum(header[5] for header in segments), sum(header[6] for header in segments)


def copying_and_zeroing():
    """Instructions of it before the first guest of measure_linux: eight bytes each."""
    images = (BUILD / "demo" / "vmlinuz").stat().st_size + len(bench_initrd())
    return (LINUX_MIB * 2**20 + images) // 8


def main():
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as name:
        directory = pathlib.Path(name)
        for part in ("operations", "linux"):
            (directory / part).mkdir()
        operations = measure_operations(directory / "operations")
        print_operations(operations)
        linux, text = measure_linux(directory / "linux")
        print_linux(linux)
        devices = measure_devices(directory / "devices")
        print_devices(devices)

    loaded, in_memory = image_bytes()
    besides = number(r"hypervisor memory: (\d+) KiB besides the image", text)
    start = number(r"guests start, (\d+) ticks after the boot loader", text)
    start -= copying_and_zeroing()
    print(f"\nimage: {loaded:,} bytes loaded (goal: {IMAGE_BYTES_GOAL:,}), {in_memory:,} in memory")
    print(f"hypervisor memory besides: {besides} KiB")
    print(f"from GRUB's jump to the first guest instruction, besides copying and zeroing: "
          f"{start:,} (goal: {START_GOAL:,})")
    result = {
        "operations": operations, "linux": linux, "devices": devices, "image_bytes": loaded,
        "hypervisor_memory_bytes": in_memory + besides * 1024, "first_guest_instruction": start,
        **yardsticks(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    CHART.write_text(bench_chart.chart(result), encoding="utf-8")
    print(f"written: {RESULT.relative_to(ROOT)}, {CHART.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
