/* SPDX-License-Identifier: MIT
 *
 * The ACPI tables of the guest's PC, written into its BIOS area: RSDP, RSDT,
 * XSDT, FADT, FACS, MADT, MCFG and a DSDT of power-off, processors, PCI host
 * bridge, serial port and clock. They describe what is emulated and nothing else: no
 * PIC, no PIT, no PM timer, no VGA, no keyboard, no interrupt of the clock.
 *
 * The content depends on the number of vCPUs and the guest's PCI functions only. vCPU n has local APIC id n;
 * the IOAPIC, behind them, has the id that follows.
 */
#pragma once

#include "hv/addr.h"
#include "hv/guest_memory.h"

#define GUEST_ACPI_VCPUS_MAX 32

/* Where the RSDP will be. */
#define GUEST_ACPI_RSDP GUEST_BIOS_AREA

/* What the host bridge passes on, and to which pin of the IOAPIC each device's
 * INTx goes: level-triggered, active low. */
struct guest_acpi_route {
    uint8_t device;
    uint8_t intx; /* 0 to 3 for INTA to INTD */
    uint8_t pin;
};

struct guest_acpi_window {
    uint64_t first, last;
};

#define GUEST_ACPI_ROUTES_MAX 16
#define GUEST_ACPI_WINDOWS_MAX 16

struct guest_acpi_pci {
    unsigned route_count;
    struct guest_acpi_route routes[GUEST_ACPI_ROUTES_MAX];
    unsigned window_count;
    struct guest_acpi_window windows[GUEST_ACPI_WINDOWS_MAX];
};

/* Writes the tables and returns where the RSDP is. Cannot fail. */
gpa_t guest_acpi_build(const struct guest_memory *memory, unsigned vcpus,
                       const struct guest_acpi_pci *pci);

/* The id that the tables give to the IOAPIC. */
static inline unsigned guest_acpi_ioapic_id(unsigned vcpus)
{
    return vcpus;
}
