/* SPDX-License-Identifier: MIT
 *
 * Extended page tables: entries and the pointer to the first of them.
 * SDM Vol. 3C, 29.3.2 "EPT Translation Mechanism" (formats of the entries) and
 * 25.6.11 "Extended-Page-Table Pointer (EPTP)".
 */
#pragma once

#include <stdint.h>

/* Each table has 512 entries: nine bits of the guest-physical address. */
#define EPT_TABLE_BITS 9
#define EPT_TABLE_ENTRIES 512

/* With four tables on the way, a guest-physical address has 48 bits. */
#define EPT_ADDRESS_BITS 48

/* Rights, in an entry of any kind. With none of them it is "not present". */
#define EPT_READ (1ull << 0)
#define EPT_WRITE (1ull << 1)
#define EPT_EXECUTE (1ull << 2)
#define EPT_RIGHTS (EPT_READ | EPT_WRITE | EPT_EXECUTE)

/* In an entry that maps a page; both must be 0 in one that names a table. */
#define EPT_MEMORY_TYPE_SHIFT 3
#define EPT_MEMORY_TYPE_MASK (7ull << EPT_MEMORY_TYPE_SHIFT)
#define EPT_IGNORE_PAT (1ull << 6)

/* In an entry of a PDPT or a page directory: it maps a 1 GiB or 2 MiB page. */
#define EPT_LARGE (1ull << 7)

/* Bits 51:12, the physical address of a page or table. */
#define EPT_ADDRESS_MASK 0x000FFFFFFFFFF000ull

/* SDM Vol. 3C, 29.3.7.2 "Memory Type Used for Translated Guest-Physical
 * Addresses": combined with the guest's PAT unless EPT_IGNORE_PAT is set. */
enum ept_memory_type {
    EPT_UNCACHEABLE = 0,
    EPT_WRITE_COMBINING = 1,
    EPT_WRITE_THROUGH = 4,
    EPT_WRITE_PROTECTED = 5,
    EPT_WRITE_BACK = 6,
};

/* EPTP */
#define EPTP_MEMORY_TYPE_WB 6ull        /* bits 2:0, of the tables themselves */
#define EPTP_WALK_LENGTH_4 (3ull << 3)  /* bits 5:3, the length minus one */
#define EPTP_ACCESSED_DIRTY (1ull << 6)
