#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes what fuzzers start from: tables and configuration spaces laid out as
those of real machines. `seeds.py CORPORA` fills CORPORA/NAME for each of them.
"""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import acpi_tables  # noqa: E402 (pylint: disable=wrong-import-position)
from acpi_tables import table  # noqa: E402


def scope(kind, number, bus, *path):
    steps = b"".join(struct.pack("BB", device, function) for device, function in path)
    return struct.pack("<BBHBB", kind, 6 + len(steps), 0, number, bus) + steps


def entry(kind, body):
    return struct.pack("<HH", kind, 4 + len(body)) + body


def drhd(flags, segment, registers, *scopes):
    return entry(0, struct.pack("<BBHQ", flags, 0, segment, registers) + b"".join(scopes))


def rmrr(first, last, *scopes):
    return entry(1, struct.pack("<HHQQ", 0, 0, first, last) + b"".join(scopes))


def dmar(flags, *entries):
    return table(b"DMAR", 1, bytes([38, flags]) + bytes(10) + b"".join(entries))


def laptop_dmar():
    return dmar(5, drhd(0, 0, 0xFED90000, scope(1, 0, 0, (2, 0))),
                drhd(1, 0, 0xFED91000, scope(3, 2, 0, (0x1E, 7)), scope(4, 0, 0, (0x1E, 6))),
                rmrr(0x7B800000, 0x7FFFFFFF, scope(1, 0, 0, (2, 0))),
                entry(4, b"\0\0\0\x01\\_SB.PCI0.I2C0\0"))


def server_dmar():
    return dmar(3, drhd(0, 1, 0xC7FFC000, scope(2, 0, 0x80, (0x1C, 4), (0, 0), (3, 1))),
                drhd(1, 0, 0xFBFFE000), entry(2, struct.pack("<BBH", 0, 0, 1) + scope(2, 0, 0, (2, 0))),
                entry(3, struct.pack("<IQI", 0, 0xC7FFC000, 7)))


def mcfg(*allocations):
    return table(b"MCFG", 1, bytes(8) + b"".join(
        struct.pack("<QHBBI", base, segment, first, last, 0)
        for base, segment, first, last in allocations))


def hybrid_madt():
    """Performance cores with two threads, efficient ones, and what else there is."""
    body = struct.pack("<II", acpi_tables.LOCAL_APIC_ADDRESS, 1)
    for number in (0, 1, 8, 9, 16, 18, 20, 22):
        body += struct.pack("<BBBBI", 0, 8, number, number, 1)
    body += struct.pack("<BBHIII", 9, 16, 0, 0x300, 1, 9)
    body += struct.pack("<BBBBII", 1, 12, 2, 0, acpi_tables.IO_APIC_ADDRESS, 0)
    body += struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0) + struct.pack("<BBBBIH", 2, 10, 0, 9, 9, 0xD)
    body += struct.pack("<BBHI", 3, 8, 0, 20) + struct.pack("<BBBHB", 4, 6, 0xFF, 5, 1)
    body += struct.pack("<BBHIB3x", 10, 12, 0, 0xFFFFFFFF, 1)
    return table(b"APIC", 5, body)


def memory(*tables):
    """An RSDP at 0, its XSDT behind it, then the tables; the DSDT is the last one."""
    xsdt_at, at, places = 64, 64 + 36 + 8 * (len(tables) - 1), []
    for contents in tables:
        places.append(at)
        at += len(contents)
    rsdp = struct.pack("<8sB6sBIIQB3x", b"RSD PTR ", 0, b"BLKHD ", 2, 0, 36, xsdt_at, 0)
    xsdt = table(b"XSDT", 1, struct.pack(f"<{len(places) - 1}Q", *places[:-1]))
    fadt = bytearray(tables[0])
    struct.pack_into("<I", fadt, 40, places[-1])
    return rsdp.ljust(xsdt_at, b"\0") + xsdt + bytes(fadt) + b"".join(tables[1:])


def function(header, class_code, *, secondary=0, subordinate=0, port_type=0):
    """256 bytes of configuration space with an Express and an MSI-X capability."""
    space = bytearray(256)
    struct.pack_into("<HHHHI", space, 0, 0x8086, 0x1000 + class_code, 7, 0x10, class_code << 16)
    struct.pack_into("<BIQ", space, 14, header, 0xFEBC0000, 0x380000000C)
    struct.pack_into("<BBB", space, 0x18, 0, secondary, subordinate)
    struct.pack_into("<B7xBB", space, 0x34, 0x40, 11, 1)
    struct.pack_into("<BBHI", space, 0x40, 0x10, 0x80, 2 | port_type << 4, 1 << 28)
    struct.pack_into("<BBH", space, 0x80, 0x11, 0, 31)
    return bytes(space)


def config_space():
    """Where the functions are, as fuzz_pci.c deals them out, and what they say."""
    places = bytes([2, 0, 0, 0, 8, 1, 0, 0, 0x10]).ljust(64, b"\0")
    return places + function(0, 0x0600) + function(1, 0x0604, secondary=1, subordinate=3, port_type=4) \
        + function(0, 0x0200) + function(1, 0x0604, secondary=4, subordinate=4, port_type=6)


def screen_text():
    """A framebuffer's layout, and behind it what shells and editors send."""
    layout = struct.pack("<I4xQIIIB6B5x", 0, 0xE0000000, 4096, 1024, 768, 32, 16, 8, 8, 8, 0, 8)
    return layout + (b"\x1b[2J\x1b[H\x1b[1;31mred:~# \x1b[0mls\r\n\x1b[2;20r\x1b[20;1H\n\x1bM\x1b[3L\x1b[2M"
                     b"\x1b[4P\x1b[2@\x1b[5X\x1b[K\x1b[1J\x1b7\x1b[38;5;196;48;2;1;2;3mx\x1b8\x1b(0lqk\x1b(B"
                     b"\xe2\x94\x8c\xc3\xa4\x1b]0;title\a\x1b[?25l\x1b[?7h\x1b[S\x1b[T\x1bc")


def ended_guest(choices, registers, memory_words):
    """Registers of fuzz_trace.c, no differences, and what memory begins with."""
    return struct.pack("<B4QB", choices, *registers, 0) + memory_words


def frames_32():
    """Two frames, at 10h and 20h, which return into the kernel's file."""
    return ended_guest(0, (0x10, 0, 0x100010, 0), struct.pack(
        "<10I", 0, 0, 0, 0, 0x20, 0xC0000010, 0, 0, 0, 0xC0000110))


def frames_64():
    """The same in 64-bit mode at 1020h, where a table that maps itself maps 0."""
    return ended_guest(1, (0x1020, 0, 0xC0000010, 0), struct.pack(
        "<8Q", 0x23, 0x23, 0, 0, 0x1030, 0xC0000010, 0, 0xC0000110))


def main():
    corpora = pathlib.Path(sys.argv[1])
    seeds = {
        "acpi/laptop": memory(acpi_tables.fadt(), hybrid_madt(), laptop_dmar(),
                              mcfg((0xE0000000, 0, 0, 255)), acpi_tables.dsdt()),
        "acpi/server": memory(acpi_tables.fadt(), acpi_tables.madt(8), server_dmar(),
                              mcfg((0x80000000, 0, 0, 127), (0x4000000000, 1, 0, 255)),
                              acpi_tables.dsdt()),
        "dmar/laptop": b"\0" + laptop_dmar(),
        "dmar/server": b"\0" + server_dmar(),
        "dmar/mcfg": b"\1" + mcfg((0x80000000, 0, 0, 127), (0x4000000000, 1, 0, 255)),
        "pci/tree": config_space(),
        "screen/shell": screen_text(),
        "trace/32": frames_32(),
        "trace/64": frames_64(),
    }
    for name, contents in seeds.items():
        path = corpora / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)


if __name__ == "__main__":
    main()
