/* SPDX-License-Identifier: MIT
 *
 * Which processor a CPU is, for the user to read: its name, its microcode, its
 * kind of core on a hybrid processor, and what it says of speculation.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* CPUID leaf 1Ah, EAX bits 31:24: SDM Vol. 2A, "Native Model ID Enumeration Leaf" */
enum core_type { CORE_TYPE_NONE = 0, CORE_TYPE_ATOM = 0x20, CORE_TYPE_CORE = 0x40 };

#define CPU_BRAND_SIZE 49 /* leaves 80000002h to 80000004h, and a terminator */

struct cpu_identity {
    uint32_t apic_id;
    uint32_t signature;         /* leaf 1, EAX */
    uint32_t microcode;         /* revision; 0: none was loaded, or it is not Intel's */
    uint8_t core_type;          /* enum core_type, or one that is not known here */
    uint32_t features;          /* leaf 7, EDX */
    uint64_t arch_capabilities; /* IA32_ARCH_CAPABILITIES; 0 without it */
    char brand[CPU_BRAND_SIZE];
};

/* Log lines about the processor; `number` is the CPU's. */
void cpu_identity_print(const struct cpu_identity *identity, unsigned number);

/* A guest that changes the size of a page of its code while it runs there can stop
 * this processor, unless EPT maps it by 4 KiB pages: the erratum "Machine Check Error
 * on Page Size Change". */
bool cpu_identity_has_page_size_erratum(const struct cpu_identity *identity);

/* These two would print the same, but for the APIC id. */
bool cpu_identity_same(const struct cpu_identity *a, const struct cpu_identity *b);
