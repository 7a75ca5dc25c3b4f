/* SPDX-License-Identifier: MIT
 *
 * The tables by which kernels older than ACPI find processors and interrupts.
 * Intel MultiProcessor Specification 1.4, chapter 4 "MP Configuration Table".
 */
#pragma once

#include <stdint.h>

#define MP_PACKED __attribute__((packed))
#define MP_SPECIFICATION_1_4 4u

/* "4.1 MP Floating Pointer Structure": on a multiple of 16, in F0000 to FFFFF */
struct mp_pointer {
    char signature[4]; /* "_MP_" */
    uint32_t table;
    uint8_t length; /* in units of 16 bytes */
    uint8_t specification;
    uint8_t checksum;
    uint8_t features[5]; /* all 0: there is a table, and no IMCR */
} MP_PACKED;
_Static_assert(sizeof(struct mp_pointer) == 16, "4.1");

/* "4.2 MP Configuration Table Header" */
struct mp_header {
    char signature[4]; /* "PCMP" */
    uint16_t length;
    uint8_t specification;
    uint8_t checksum;
    char oem[8];
    char product[12];
    uint32_t oem_table;
    uint16_t oem_table_bytes;
    uint16_t entry_count;
    uint32_t lapic_address;
    uint16_t extended_bytes;
    uint8_t extended_checksum;
    uint8_t reserved;
} MP_PACKED;
_Static_assert(sizeof(struct mp_header) == 44, "4.2");

/* "4.3 Base MP Configuration Table Entries", in this order */
enum { MP_PROCESSOR = 0, MP_BUS = 1, MP_IOAPIC = 2, MP_IO_INTERRUPT = 3, MP_LOCAL_INTERRUPT = 4 };

/* "4.3.1 Processor Entries" */
struct mp_processor {
    uint8_t type;
    uint8_t apic_id;
    uint8_t apic_version;
    uint8_t flags;
    uint32_t signature; /* CPUID leaf 1: EAX, and EDX */
    uint32_t features;
    uint32_t reserved[2];
} MP_PACKED;
_Static_assert(sizeof(struct mp_processor) == 20, "4.3.1");

enum { MP_PROCESSOR_ENABLED = 1u << 0, MP_PROCESSOR_BOOT = 1u << 1 };

/* "4.3.2 Bus Entries" */
struct mp_bus {
    uint8_t type;
    uint8_t bus;
    char name[6]; /* filled up with blanks */
} MP_PACKED;
_Static_assert(sizeof(struct mp_bus) == 8, "4.3.2");

/* "4.3.3 I/O APIC Entries" */
struct mp_ioapic {
    uint8_t type;
    uint8_t apic_id;
    uint8_t apic_version;
    uint8_t flags; /* bit 0: enabled */
    uint32_t address;
} MP_PACKED;
_Static_assert(sizeof(struct mp_ioapic) == 8, "4.3.3");

#define MP_IOAPIC_ENABLED 1u

/* "4.3.4 I/O Interrupt Assignment Entries", "4.3.5 Local Interrupt Assignment
 * Entries". Flags are those of the MADT. */
struct mp_interrupt {
    uint8_t type;
    uint8_t kind;
    uint16_t flags;
    uint8_t bus;
    uint8_t irq;
    uint8_t apic_id; /* FF: all local APICs */
    uint8_t pin;     /* of the IOAPIC, or LINT */
} MP_PACKED;
_Static_assert(sizeof(struct mp_interrupt) == 8, "4.3.4");

enum { MP_INT = 0, MP_NMI = 1, MP_EXTINT = 3 };
#define MP_ALL_LAPICS 0xFFu
