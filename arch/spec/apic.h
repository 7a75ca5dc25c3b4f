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
#define ICR_HIGH_DESTINATION_SHIFT 24 /* in xAPIC mode */
#define X2APIC_BROADCAST 0xFFFFFFFFu

/* LVT entries */
#define LVT_DELIVERY_SHIFT 8
#define LVT_DELIVERY_MASK 7u
#define LVT_MASKED (1u << 16)
#define LVT_EXTINT ((uint32_t)DELIVERY_EXTINT << LVT_DELIVERY_SHIFT)
#define LVT_RESET_VALUE LVT_MASKED
#define SIVR_ENABLE (1u << 8)
#define SIVR_BITS (SIVR_ENABLE | 0xFFu)
#define SIVR_RESET_VALUE 0xFFu

/* SDM Vol. 3A, 11.5.2 "Valid Interrupt Vectors" */
#define VECTOR_FIRST_LEGAL 16

/* Error status register: SDM Vol. 3A, Figure 11-9 "Error Status Register (ESR)" */
#define APIC_ERROR_SEND_ILLEGAL_VECTOR (1u << 5)
#define APIC_ERROR_RECEIVE_ILLEGAL_VECTOR (1u << 6)
#define APIC_ERROR_ILLEGAL_REGISTER (1u << 7)

/* Logical destinations: SDM Vol. 3A, 11.6.2.2 "Logical Destination Mode" */
#define LDR_SHIFT 24
#define DFR_FLAT 0xFFFFFFFFu
#define DFR_CLUSTER 0x0FFFFFFFu
#define DFR_ONES 0x0FFFFFFFu

/* SDM Vol. 3A, 11.12.10.2 "Deriving Logical x2APIC ID from the Local x2APIC ID" */
static inline uint32_t x2apic_logical_id(uint32_t id)
{
    return id >> 4 << 16 | 1u << (id & 15);
}

/* xAPIC page: SDM Vol. 3A, Table 11-1 "Local APIC Register Address Map". In x2APIC
 * mode the register at offset N is MSR 800h + N / 16. */
#define XAPIC_BASE 0xFEE00000ull
#define APIC_PAGE_SIZE 0x1000ull
#define XAPIC_REGISTER_SHIFT 4
#define XAPIC_ID_SHIFT 24
#define X2APIC_MSR_FIRST 0x800u
#define X2APIC_MSR_LAST 0x8FFu
enum xapic_register {
    XAPIC_ID = 0x020,
    XAPIC_VERSION = 0x030,
    XAPIC_TPR = 0x080,
    XAPIC_APR = 0x090,
    XAPIC_PPR = 0x0A0,
    XAPIC_EOI = 0x0B0,
    XAPIC_RRD = 0x0C0,
    XAPIC_LDR = 0x0D0,
    XAPIC_DFR = 0x0E0,
    XAPIC_SIVR = 0x0F0,
    XAPIC_ISR0 = 0x100,
    XAPIC_TMR0 = 0x180,
    XAPIC_IRR0 = 0x200,
    XAPIC_IRR7 = 0x270, /* ISR, TMR, IRR: eight each */
    XAPIC_ESR = 0x280,
    XAPIC_ICR_LOW = 0x300,
    XAPIC_ICR_HIGH = 0x310,
    XAPIC_LVT_TIMER = 0x320,
    XAPIC_LVT_THERMAL = 0x330,
    XAPIC_LVT_PMI = 0x340,
    XAPIC_LVT_LINT0 = 0x350,
    XAPIC_LVT_LINT1 = 0x360,
    XAPIC_LVT_ERROR = 0x370,
    XAPIC_INIT_COUNT = 0x380,
    XAPIC_CUR_COUNT = 0x390,
    XAPIC_DIV_CONF = 0x3E0,
};

/* IOAPIC */
#define IOAPIC_BASE 0xFEC00000ull
#define IOAPIC_IOREGSEL 0x00
#define IOAPIC_IOWIN 0x10
#define IOAPIC_EOIR 0x40 /* of versions from IOAPIC_VERSION_WITH_EOI on: takes a vector */
#define IOAPIC_VERSION_WITH_EOI 0x20
enum ioapic_register { IOAPIC_ID = 0, IOAPIC_VERSION = 1, IOAPIC_ARBITRATION = 2, IOAPIC_REDIRECTION = 0x10 };

/* IOAPIC redirection entry, bits 63:56 hold the destination. */
/* SDM Vol. 3A, "11.11.1 Message Address Register Format" and "11.11.2 Message Data
 * Register Format" */
#define MESSAGE_ADDRESS 0xFEE00000u
#define MESSAGE_ADDRESS_MASK 0xFFF00000u
#define MESSAGE_DESTINATION_SHIFT 12
#define MESSAGE_LOGICAL (1u << 2)
#define MESSAGE_VECTOR_MASK 0xFFu
#define MESSAGE_DELIVERY_SHIFT 8
#define MESSAGE_DELIVERY_MASK 7u

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
