/* SPDX-License-Identifier: MIT
 *
 * The PC's memory map, as a BIOS tells it and as Linux is handed it.
 * ACPI Specification 6.5, "15.1 INT 15H, E820H - Query System Address Map".
 */
#pragma once

#include <stdint.h>

enum e820_type {
    E820_USABLE = 1,
    E820_RESERVED = 2,
    E820_ACPI_RECLAIMABLE = 3,
    E820_ACPI_NVS = 4,
    E820_UNUSABLE = 5,
};

struct e820_entry {
    uint64_t base;
    uint64_t bytes;
    uint32_t type; /* enum e820_type */
} __attribute__((packed));
_Static_assert(sizeof(struct e820_entry) == 20, "the layout of INT 15h, AX=E820h");
