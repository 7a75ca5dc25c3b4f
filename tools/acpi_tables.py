# SPDX-License-Identifier: MIT
"""ACPI tables for a machine whose firmware brings none: Bochs with OVMF.

Just enough to find the CPUs and the I/O APIC and to switch the power off.
GRUB's `acpi` command hands them on as if the firmware had made them; it also
links FADT and DSDT. Layouts: ACPI 6.5, chapter 5.2, and 20.2 for the DSDT.
"""

import struct

IO_APIC_ADDRESS = 0xFEC00000
LOCAL_APIC_ADDRESS = 0xFEE00000

# OVMF places the PIIX4's power management registers here, also under Bochs.
PM_BASE = 0xB000
PM1A_EVENT_BLOCK = PM_BASE
PM1A_CONTROL_BLOCK = PM_BASE + 4
PM_TIMER_BLOCK = PM_BASE + 8
SCI_IRQ = 9
SLEEP_TYPE_S5 = 0               # the PIIX4's soft-off is type 0


def table(signature, revision, body):
    """A table with its header and a checksum that makes all bytes sum to 0."""
    header = struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), revision, 0,
                         b"BLKHD ", b"BOCHSUEF", 1, b"BLKH", 1)
    whole = bytearray(header + body)
    whole[9] = -sum(whole) % 256
    return bytes(whole)


def madt(cpus):
    """The CPUs have APIC ids 0 .. cpus-1, the I/O APIC has the next one."""
    body = struct.pack("<II", LOCAL_APIC_ADDRESS, 1)
    for number in range(cpus):
        body += struct.pack("<BBBBI", 0, 8, number, number, 1)
    body += struct.pack("<BBBBII", 1, 12, cpus, 0, IO_APIC_ADDRESS, 0)
    body += struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0)         # IRQ 0 is pin 2
    body += struct.pack("<BBBBIH", 2, 10, 0, SCI_IRQ, SCI_IRQ, 0xD)
    return table(b"APIC", 3, body)


def fadt():
    """Revision 1, all that a machine of the PIIX4's time needs."""
    body = bytearray(116 - 36)

    def put(offset, layout, value):
        struct.pack_into(layout, body, offset - 36, value)
    put(46, "<H", SCI_IRQ)
    put(56, "<I", PM1A_EVENT_BLOCK)
    put(64, "<I", PM1A_CONTROL_BLOCK)
    put(76, "<I", PM_TIMER_BLOCK)
    put(88, "<B", 4)            # lengths of the three blocks
    put(89, "<B", 2)
    put(91, "<B", 4)
    put(96, "<H", 0xFFFF)       # no C2, no C3
    put(98, "<H", 0xFFFF)
    put(112, "<I", 1 | 1 << 2)  # WBINVD works; C1 on every CPU
    return table(b"FACP", 1, bytes(body))


def dsdt():
    """Name (\\_S5, Package (4) { 0, 0, 0, 0 }) and nothing else."""
    name_op, root, package_op, byte_prefix = b"\x08", b"\\", b"\x12", b"\x0a"
    elements = (byte_prefix + bytes([SLEEP_TYPE_S5])) * 2 + (byte_prefix + b"\0") * 2
    package = bytes([2 + len(elements), 4]) + elements
    return table(b"DSDT", 1, name_op + root + b"_S5_" + package_op + package)


def all_tables(cpus):
    """File name -> contents."""
    return {"madt.aml": madt(cpus), "fadt.aml": fadt(), "dsdt.aml": dsdt()}
