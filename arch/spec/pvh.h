/* SPDX-License-Identifier: MIT
 *
 * The PVH boot protocol: Xen, docs/misc/pvh.pandoc "x86/HVM direct boot ABI", and
 * the structure of xen/include/public/arch-x86/hvm/start_info.h, version 1.
 */
#pragma once

#include <stdint.h>

#define PVH_NOTE_OWNER "Xen"
#define PVH_NOTE_PHYS32_ENTRY 18u /* its descriptor is the entry point */

#define PVH_START_MAGIC 0x336EC578u
#define PVH_START_VERSION 1u

struct pvh_start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules; /* physical addresses; 0: none */
    uint64_t cmdline;
    uint64_t rsdp;
    uint64_t memory_map;
    uint32_t memory_map_entries;
    uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_start_info) == 56, "hvm_start_info of version 1");

struct pvh_module {
    uint64_t address;
    uint64_t bytes;
    uint64_t cmdline;
    uint64_t reserved;
};
_Static_assert(sizeof(struct pvh_module) == 32, "hvm_modlist_entry");

struct pvh_memory {
    uint64_t address;
    uint64_t bytes;
    uint32_t type; /* as INT 15h, E820h */
    uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_memory) == 24, "hvm_memmap_table_entry");
