/* SPDX-License-Identifier: MIT
 *
 * What the firmware's DMAR table says about the machine's DMA remapping: its
 * units, which functions each one is for, memory that devices go on using, and
 * whether interrupts can be remapped. Intel Virtualization Technology for
 * Directed I/O, Architecture Specification, 8 "BIOS Considerations".
 *
 * This is the table and no more: registers are not looked at, and a path is not
 * followed through the bridges (pci_path_find() does that).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/addr.h"

#define DMAR_UNITS_MAX 32
#define DMAR_RESERVED_MAX 32
#define DMAR_ATS_MAX 8
#define DMAR_NAMES_MAX 8
#define DMAR_SCOPES_MAX 128
#define DMAR_STEPS_MAX 6
#define DMAR_NAME_SIZE 32 /* with its terminator */

/* "8.3.1 Device Scope Structure", Type */
enum dmar_scope_type {
    DMAR_SCOPE_ENDPOINT = 1,
    DMAR_SCOPE_BRIDGE = 2, /* and all behind it */
    DMAR_SCOPE_IOAPIC = 3,
    DMAR_SCOPE_HPET = 4,
    DMAR_SCOPE_NAMESPACE = 5,
};

/* From a bus, bridge by bridge, to a function, which is the last step. */
struct dmar_scope {
    uint8_t type; /* enum dmar_scope_type, or one that is not known here */
    uint8_t id;   /* of the IOAPIC, the HPET, or the device in the ACPI namespace */
    uint8_t bus;  /* where the path begins */
    uint8_t step_count;
    uint8_t path[2 * DMAR_STEPS_MAX]; /* device and function of each step */
};

/* Some of the scopes that follow each other in struct dmar. */
struct dmar_scopes {
    uint8_t first;
    uint8_t count;
};

/* "8.3 DMA Remapping Hardware Unit Definition Structure" (DRHD), with its
 * "8.6 Remapping Hardware Static Affinity Structure" (RHSA), if any. */
struct dmar_unit {
    hpa_t registers;
    uint16_t segment;
    bool all_others; /* every function of the segment that no other unit names */
    bool has_proximity;
    uint32_t proximity; /* domain, as in the SRAT */
    struct dmar_scopes scopes;
};

/* "8.4 Reserved Memory Region Reporting Structure" (RMRR) */
struct dmar_reserved {
    uint64_t first_byte;
    uint64_t last_byte;
    uint16_t segment;
    struct dmar_scopes scopes;
};

/* "8.5 Root Port ATS Capability Reporting Structure" (ATSR): below these root
 * ports devices may translate addresses themselves. */
struct dmar_ats {
    uint16_t segment;
    bool all_ports;
    struct dmar_scopes scopes;
};

/* "8.7 ACPI Name-space Device Declaration Structure" (ANDD) */
struct dmar_name {
    uint8_t id;                /* by which scopes of that kind refer to it */
    char text[DMAR_NAME_SIZE]; /* printable, cut if it is longer */
};

struct dmar {
    bool found;
    /* Nothing was left out as broken or too much. Else a function may seem to
     * belong to the unit of all others that the table gave to another one. */
    bool complete;
    uint8_t address_bits; /* of DMA */
    bool interrupt_remapping;
    bool x2apic_opt_out; /* firmware asks to stay in xAPIC mode */
    bool dma_opt_in;     /* firmware asks for DMA protection from the start */
    struct dmar_unit units[DMAR_UNITS_MAX];
    unsigned unit_count;
    struct dmar_reserved reserved[DMAR_RESERVED_MAX];
    unsigned reserved_count;
    struct dmar_ats ats[DMAR_ATS_MAX];
    unsigned ats_count;
    struct dmar_name names[DMAR_NAMES_MAX];
    unsigned name_count;
    struct dmar_scope scopes[DMAR_SCOPES_MAX];
    unsigned scope_count;
};
