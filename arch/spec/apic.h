/* SPDX-License-Identifier: MIT
 *
 * Local APIC and IOAPIC layouts.
 * SDM Vol. 3A, 11.5 "Handling Local Interrupts", 11.6.1 "Interrupt Command
 * Register (ICR)", 11.12.9 "ICR Operation in x2APIC Mode"; Intel 82093AA
 * I/O APIC data sheet, 3.2 "IOAPIC Registers".
 */
#pragma once

#include <stdint.h>

enum apic_delivery_mode {
    DELIVERY_FIXED = 0,
    DELIVERY_LOWEST_PRIORITY = 1,
    DELIVERY_SMI = 2,
    DELIVERY_NMI = 4,
    DELIVERY_INIT = 5,
    DELIVERY_STARTUP = 6,
    DELIVERY_EXTINT = 7,
};

enum icr_shorthand {
    SHORTHAND_NONE = 0,
    SHORTHAND_SELF = 1,
    SHORTHAND_ALL = 2,
    SHORTHAND_ALL_BUT_SELF = 3,
};

/* ICR; in x2APIC mode the destination is bits 63:32. */
#define ICR_VECTOR_MASK 0xFFull
#define ICR_DELIVERY_SHIFT 8
#define ICR_DELIVERY_MASK 7ull
#define ICR_LOGICAL (1ull << 11)
#define ICR_PENDING (1ull << 12)
#define ICR_LEVEL_ASSERT (1ull << 14)
#define ICR_TRIGGER_LEVEL (1ull << 15)
#define ICR_SHORTHAND_SHIFT 18
#define ICR_SHORTHAND_MASK 3ull
#define ICR_X2APIC_RESERVED 0xFFF32000ull /* bits 31:20, 17:16 and 13 */
#define X2APIC_BROADCAST 0xFFFFFFFFu

/* LVT entries */
#define LVT_DELIVERY_SHIFT 8
#define LVT_DELIVERY_MASK 7u
#define LVT_MASKED (1u << 16)
#define LVT_RESET_VALUE LVT_MASKED
#define SIVR_ENABLE (1u << 8)

/* xAPIC page */
#define XAPIC_BASE 0xFEE00000ull
#define APIC_PAGE_SIZE 0x1000ull

/* IOAPIC */
#define IOAPIC_BASE 0xFEC00000ull
#define IOAPIC_IOREGSEL 0x00
#define IOAPIC_IOWIN 0x10
enum ioapic_register { IOAPIC_ID = 0, IOAPIC_VERSION = 1, IOAPIC_ARBITRATION = 2, IOAPIC_REDIRECTION = 0x10 };

/* IOAPIC redirection entry, bits 63:56 hold the destination. */
#define REDIRECTION_VECTOR_MASK 0xFFull
#define REDIRECTION_DELIVERY_SHIFT 8
#define REDIRECTION_DELIVERY_MASK 7ull
#define REDIRECTION_LOGICAL (1ull << 11)
#define REDIRECTION_PENDING (1ull << 12)
#define REDIRECTION_ACTIVE_LOW (1ull << 13)
#define REDIRECTION_REMOTE_IRR (1ull << 14)
#define REDIRECTION_LEVEL (1ull << 15)
#define REDIRECTION_MASKED (1ull << 16)
#define REDIRECTION_DESTINATION_SHIFT 56
