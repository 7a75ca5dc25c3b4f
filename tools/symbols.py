#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turns `nm` of the image into the table that names functions in backtraces.

Standard input: the symbols of the first link; empty for an empty table.
Standard output: NASM source of the section .symbols. Of each function, 16 bits
that say how far it is from the one before, and its name, terminated.
"""

import sys

IMAGE_BASE = 0xFFFFFFFF80000000


def functions(lines):
    """(offset, name) of every text symbol, ascending, one per address."""
    found = {}
    for line in lines:
        address, kind, name = line.split()
        if kind in "tT" and int(address, 16) >= IMAGE_BASE and not name.startswith("image_"):
            found.setdefault(int(address, 16) - IMAGE_BASE, name)
    return sorted(found.items())


def main():
    table = functions(line for line in sys.stdin if len(line.split()) == 3)
    print("section .symbols alloc noexec nowrite align=8")
    print("global symbol_table, symbol_table_end")
    print("symbol_table:")
    before = 0
    for offset, name in table:
        if offset - before > 0xFFFF:
            sys.exit(f"{name} is more than 64 KiB behind the function before it")
        print(f"    dw {offset - before:#x}")
        print(f"    db '{name}', 0")
        before = offset
    print("symbol_table_end:")


if __name__ == "__main__":
    main()
