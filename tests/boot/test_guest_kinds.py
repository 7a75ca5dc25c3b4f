# SPDX-License-Identifier: MIT
"""A guest of each kind, all at once: guest/kinds says from inside what its
protocol gave it, and what it had to be is judged here. Then each starts again,
in memory that it made dirty before.
"""

import re
import subprocess

from places import BUILD, ROOT

CONFIG = (ROOT / "guest" / "kinds.toml").read_text()
FIRST = bytes(number * 7 % 256 for number in range(5000))
SECOND = b"xyz"
COMMAND_LINE = "one two=3"
MEMORY_MIB = 16
# Which have modules, how many, and whether these have strings.
MODULES = {"linux32": 1, "multiboot1": 2, "addresses": 2, "multiboot2": 2, "pvh": 2}
FLAT = ("flat16", "flat32", "flat64")
KINDS = (*MODULES, *FLAT)           # as in the configuration
CHECKS = {
    "linux32": ("EBX", "setup header", "RSDP"),
    "multiboot1": ("flags", "names of sections", "physical addresses count",
                   "RSDP in the BIOS area"),
    "addresses": ("flags", "RSDP in the BIOS area"),
    "multiboot2": ("information at a multiple of 8", "names of sections", "RSDP copy",
                   "end tag at the end", "tags", "physical addresses count",
                   "RSDP in the BIOS area"),
    "pvh": ("start info of version 1", "RSDP", "RSDP in the BIOS area",
            "physical addresses count"),
    "flat16": ("instruction pointer", "CS", "DL", "real mode", "A20", "interrupts off"),
    "flat32": ("instruction pointer", "32-bit mode without paging", "flat code",
               "interrupts off"),
    "flat64": ("instruction pointer", "64-bit mode", "64-bit registers", "4 GiB are mapped",
               "interrupts off"),
}
STATE_CHECKS = ("EAX", "protected mode without paging", "interrupts off", "segments from a GDT",
                "a stack", "memory behind the file is zero", "A20")


def images(guests):
    files = {path.name: path for path in (guests / "kinds").iterdir()
             if path.suffix in (".elf", ".bin")}
    return {**files, "first": FIRST, "second": SECOND}


def checksum(contents):
    total = 0
    for byte in contents:
        total = (total * 31 + byte) & 0xFFFFFFFF
    return total


def focus(rig, name):
    rig.send(f"\x1d{KINDS.index(name) + 1}")
    rig.says(f"console: {name}")


def life(rig, name):
    """What a guest says from its start on until it is ready, without its name."""
    start = rig.console.position
    rig.expect(f"^{name}: ready", 120, f"{name} to be ready") # CPUs take turns in the emulator
    printed = bytes(rig.console.received[start:rig.console.position]).decode()
    return re.findall(rf"^{name}: ([^\r\n]*)", printed, re.MULTILINE)


def assert_given(name, said):
    checks = CHECKS[name] + (STATE_CHECKS if name in MODULES else ())
    for check in checks:
        assert f"ok {check}" in said, (name, check, said)
    assert not [line for line in said if line.startswith("FAIL")], said
    if name not in MODULES:
        return
    assert f'command line "{COMMAND_LINE}"' in said
    strings = ["of two" if name != "linux32" else "", ""]
    for index, contents in enumerate((FIRST, SECOND)[:MODULES[name]]):
        assert (f'module {index:x} page 0 bytes {len(contents):x} sum {checksum(contents):x} '
                f'"{strings[index]}"') in said, (name, said)


def memory_map(said):
    return [line for line in said if line.startswith("memory ")]


def test_each_kind_is_started_and_started_again(machine, guests):
    rig = machine(CONFIG, images(guests), cpus=len(KINDS), memory_mib=384).announced()
    first = {}
    for name in KINDS:
        if first:               # the first one's console is shown from the start
            focus(rig, name)
        first[name] = life(rig, name)
        assert_given(name, first[name])

    # Each protocol tells the same memory.
    maps = [memory_map(first[name]) for name in MODULES]
    assert maps.count(maps[0]) == len(maps), maps
    assert "memory 0 a0000 1" in maps[0] and "memory 100000 f00000 1" in maps[0]
    for name in ("multiboot1", "addresses", "multiboot2"):
        assert f"lower 280 upper {(MEMORY_MIB - 1) * 1024:x}" in first[name]
        assert any(line.startswith('loader "Bulkhead ') for line in first[name])

    for name in MODULES:
        focus(rig, name)
        rig.send("r")
        rig.says(f"{name}: restarts")
        assert life(rig, name) == first[name]

    for name in KINDS:
        focus(rig, name)
        rig.send("p")
        rig.says(f"{name}: powered off")
    rig.expect_end("end: ok")


WRONG = """\
[[vm]]
name = "damaged"
cpus = 1
memory = "16M"
kernel = "damaged.elf"

[[vm]]
name = "short"
cpus = 1
memory = "16M"
kernel = "short.elf"

[[vm]]
name = "missing"
cpus = 1
memory = "16M"
kernel = "multiboot1.elf"
modules = ["first", "third x"]

[[vm]]
name = "high"
cpus = 1
memory = "16M"
kernel = "flat32.bin"
format = "flat"
load_address = 0x1000000
mode = "protected"

[[vm]]
name = "unknown"
cpus = 1
memory = "16M"
kernel = "first"
mode = "long"
"""


def wrong_images(guests):
    elf = (guests / "kinds" / "multiboot1.elf").read_bytes()
    damaged = bytearray(elf)
    damaged[0x12] = 0x28            # another processor
    return {**images(guests), "damaged.elf": bytes(damaged), "short.elf": elf[:0x1800]}


EXPECTED = (
    (5, "damaged", r"another processor \(machine 40 at offset 12h\)"),
    (11, "short", r"the file is truncated: it ends at offset 1800h"),
    (18, "missing", r'there is no image "third"'),
    (24, "high", r"needs 17 MiB of memory below 4 GiB to start; the guest has 16 MiB"),
    (34, "unknown", r'"mode" is for flat images'),
)


def assert_said(text, file):
    found = re.findall(rf"\b{file}:(\d+):\d+: error: vm \"(\w+)\": ([^\r\n]*)", text)
    for line, guest, what in EXPECTED:
        assert any(int(at) == line and name == guest and re.search(what, said)
                   for at, name, said in found), (line, what, found)


def test_wrong_images_are_refused_with_the_reason_and_the_offset(machine, guests):
    """All of them at once, and nothing is started."""
    rig = machine(WRONG, wrong_images(guests), cpus=5, memory_mib=192)
    rig.expect_halt("the configuration has errors; no guest was started", 60)
    assert_said(rig.text(), "config")
    assert "multiboot1: " not in rig.text()


def test_the_checker_says_the_same(guests, tmp_path):
    for name, contents in wrong_images(guests).items():
        data = contents if isinstance(contents, bytes) else contents.read_bytes()
        (tmp_path / name).write_bytes(data)
    (tmp_path / "wrong.toml").write_text(WRONG)
    done = subprocess.run([BUILD / "bulkhead-check", "wrong.toml", "--cpus", "5"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert_said(done.stderr, "wrong.toml")
