/* SPDX-License-Identifier: MIT
 *
 * The ACPI tables of the guest's PC, written into its BIOS area: RSDP, RSDT,
 * XSDT, FADT, FACS, MADT, MCFG and a DSDT of power-off, processors, PCI host
 * bridge, serial port and clock. They describe what is emulated and nothing else: no
 * PIC, no PIT, no PM timer, no VGA, no keyboard, no interrupt of the clock.
 *
 * The content depends on the number of vCPUs only. vCPU n has local APIC id n;
 * the IOAPIC, behind them, has the id that follows.
 */
#pragma once

#include "hv/addr.h"
#include "hv/guest_memory.h"

#define GUEST_ACPI_VCPUS_MAX 32

/* Where the RSDP will be. */
#define GUEST_ACPI_RSDP GUEST_BIOS_AREA

/* Writes the tables and returns where the RSDP is. Cannot fail. */
gpa_t guest_acpi_build(const struct guest_memory *memory, unsigned vcpus);

/* The id that the tables give to the IOAPIC. */
static inline unsigned guest_acpi_ioapic_id(unsigned vcpus)
{
    return vcpus;
}
