/* SPDX-License-Identifier: MIT
 *
 * What the files arch/vtd*.c share, and nobody else knows: the state of remapping, and
 * the steps that more than one of them takes. All under vtd.lock once guests run.
 */
#pragma once

#include "arch/vtd.h"
#include "drivers/dmar_scope.h"
#include "drivers/vtd_unit.h"
#include "hv/config.h"
#include "hv/dma_faults.h"
#include "hv/dma_limits.h"
#include "hv/dma_reserved.h"
#include "hv/dma_sources.h"
#include "hv/dma_tables.h"
#include "hv/lock.h"
#include "hv/pci_function.h"

#define VTD_NOBODY UINT8_MAX

/* Domain ids. */
#define VTD_DOMAIN_OF_FIRMWARE 1
#define VTD_DOMAIN_OF_VM(vm) ((uint16_t)((vm) + 2))
_Static_assert(CONFIG_VMS_MAX + 2 <= 16, "each unit has 16 domain ids at least");

struct vtd_function {
    uint8_t owner; /* VM index, or VTD_NOBODY */
    _Atomic bool quarantined; /* also looked at without the lock */
    struct dma_fault_history faults;
};

struct vtd_index {
    bool of_function; /* and not of an IOAPIC */
    uint16_t source;
    uint16_t function;
};

struct vtd {
    bool on;
    const char *absence;
    struct lock lock;
    struct frames frames;
    struct dma_limits limits;
    bool extended; /* APIC ids of 32 bits */
    unsigned unit_count;
    struct vtd_unit units[DMAR_UNITS_MAX];
    hpa_t roots[DMAR_UNITS_MAX];
    struct dma_fault_history strangers[DMAR_UNITS_MAX]; /* of ids that are no function's */
    struct dma_domain firmware; /* reserved regions, for functions of nobody */
    struct dma_domain domains[CONFIG_VMS_MAX];
    const char *names[CONFIG_VMS_MAX];
    struct dma_reserved reserved[DMAR_RESERVED_MAX];
    uint64_t *interrupts; /* the table */
    uint32_t interrupts_used;
    struct vtd_index indices[IRTE_COUNT];
    struct vtd_function functions[PCI_FUNCTIONS_MAX];
};

extern struct vtd vtd;

/* By which ids a function's requests come to which unit. */
struct vtd_sources {
    uint32_t unit;
    unsigned count;
    uint16_t ids[DMA_SOURCES_MAX];
};

struct vtd_sources vtd_sources_of(unsigned function);

/* Units forget what they cache. False: one does not answer, which was logged. */
bool vtd_forget_source(unsigned unit, uint16_t source, uint16_t domain);
bool vtd_forget_domain(uint16_t domain);
bool vtd_forget_interrupt(uint32_t index);

/* arch/vtd_reserved.c: before units are turned on; and for one that is attached. */
void vtd_start_reserved(const struct memory_range *memory, unsigned count);
const char *vtd_reserved_problem(unsigned function, unsigned vm);
const char *vtd_map_reserved(unsigned function, unsigned vm);

/* arch/vtd_attach.c: no memory and no interrupts. */
bool vtd_block(unsigned function, bool silent);

/* arch/vtd_interrupts.c */
bool vtd_clear_interrupts(unsigned function);
