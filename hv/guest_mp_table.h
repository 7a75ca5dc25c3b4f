/* SPDX-License-Identifier: MIT
 *
 * The MP table of the guest's PC, for kernels that do not know ACPI: made out of
 * the ACPI tables that are already in the guest's memory, so that both tell the
 * same processors, IOAPIC and interrupts.
 *
 * It is in virtual wire mode: there is no IMCR. ISA interrupts without an
 * override have the IOAPIC's pin of their number.
 */
#pragma once

#include "hv/addr.h"
#include "hv/guest_memory.h"

/* What CPUID tells about each processor, in leaf 1. */
struct guest_mp_processor {
    uint32_t signature; /* EAX */
    uint32_t features;  /* EDX */
};

/* Writes the table at GUEST_MP_AREA. `rsdp` is where guest_acpi_build put it. */
void guest_mp_table_build(const struct guest_memory *memory, gpa_t rsdp,
                          struct guest_mp_processor processor);
