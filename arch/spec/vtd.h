/* SPDX-License-Identifier: MIT
 *
 * VT-d: a remapping unit's registers, and what it reads in memory.
 * Intel Virtualization Technology for Directed I/O, Architecture Specification,
 * revision 3.3: 9 "Translation Structure Formats" (legacy mode), 6.5 "Queued
 * Invalidation Interface", 11.4 "Register Descriptions". Only what some code
 * names is listed. The entries of the second-stage tables themselves are those of
 * arch/spec/ept.h as far as bits 1:0, 7 and 51:12 go.
 */
#pragma once

#include <stdint.h>

/* "11.4 Register Descriptions", as offsets from a unit's base */
enum vtd_register {
    VTD_CAP = 0x08,
    VTD_ECAP = 0x10,
    VTD_GCMD = 0x18,
    VTD_GSTS = 0x1C,
    VTD_RTADDR = 0x20,
    VTD_FSTS = 0x34,
    VTD_FECTL = 0x38,
    VTD_FEDATA = 0x3C,
    VTD_FEADDR = 0x40,
    VTD_FEUADDR = 0x44,
    VTD_PMEN = 0x64,
    VTD_IQT = 0x88,
    VTD_IQA = 0x90,
    VTD_IRTA = 0xB8,
};

/* Registers lie in as many bytes at most: fault records, of which 10 and 8 bits say
 * where and how many, reach farthest. */
#define VTD_REGISTERS_BYTES 0x5000

/* "11.4.2 Capability Register" */
#define VTD_CAP_WRITE_BUFFER_FLUSH (1ull << 4)
#define VTD_CAP_PROTECTED_LOW (1ull << 5)
#define VTD_CAP_PROTECTED_HIGH (1ull << 6)
#define VTD_CAP_CACHING (1ull << 7)
#define VTD_CAP_WIDTH_39 (1ull << 9)  /* SAGAW: tables of 3 levels */
#define VTD_CAP_WIDTH_48 (1ull << 10) /* and of 4 */
#define VTD_CAP_ADDRESS_SHIFT 16      /* MGAW, less one */
#define VTD_CAP_ADDRESS 0x3Fu
#define VTD_CAP_FAULTS_AT_SHIFT 24 /* FRO, in units of 16 bytes */
#define VTD_CAP_FAULTS_AT 0x3FFu
#define VTD_CAP_PAGES_2M (1ull << 34)
#define VTD_CAP_PAGES_1G (1ull << 35)
#define VTD_CAP_FAULTS_SHIFT 40 /* NFR, less one */
#define VTD_CAP_FAULTS 0xFFu
#define VTD_CAP_DRAINS_WRITES (1ull << 54)
#define VTD_CAP_DRAINS_READS (1ull << 55)

/* "11.4.3 Extended Capability Register" */
#define VTD_ECAP_QUEUED_INVALIDATION (1ull << 1)
#define VTD_ECAP_INTERRUPT_REMAPPING (1ull << 3)
#define VTD_ECAP_EXTENDED_INTERRUPTS (1ull << 4) /* EIM: APIC ids of 32 bits */

/* "11.4.4 Global Command Register" and "11.4.5 Global Status Register": a command
 * is the status with one bit changed. */
#define VTD_TRANSLATION (1u << 31)
#define VTD_SET_ROOT (1u << 30)
#define VTD_FLUSH_WRITE_BUFFER (1u << 27)
#define VTD_QUEUED_INVALIDATION (1u << 26)
#define VTD_INTERRUPT_REMAPPING (1u << 25)
#define VTD_SET_INTERRUPT_TABLE (1u << 24)
#define VTD_COMPATIBLE_INTERRUPTS (1u << 23)
/* What stays as it is: the others are done once each time that they are written. */
#define VTD_LASTING (VTD_TRANSLATION | VTD_QUEUED_INVALIDATION | VTD_INTERRUPT_REMAPPING \
                     | VTD_COMPATIBLE_INTERRUPTS)

/* "11.4.7.1 Fault Status Register" */
#define VTD_FSTS_OVERFLOW (1u << 0)
#define VTD_FSTS_PENDING (1u << 1)
#define VTD_FSTS_QUEUE_ERROR (1u << 4)
#define VTD_FSTS_COMPLETION_ERROR (1u << 5)
#define VTD_FSTS_TIME_OUT (1u << 6)
#define VTD_FSTS_QUEUE (VTD_FSTS_QUEUE_ERROR | VTD_FSTS_COMPLETION_ERROR | VTD_FSTS_TIME_OUT)
#define VTD_FSTS_FIRST_SHIFT 8
#define VTD_FSTS_FIRST 0xFFu

/* "11.4.7.2 Fault Event Control Register" */
#define VTD_FECTL_MASKED (1u << 31)

/* "11.4.7.5 Fault Recording Registers": two quadwords each */
#define VTD_FAULT_BYTES 16
#define VTD_FAULT_PAGE 0xFFFFFFFFFFFFF000ull /* low: the address */
#define VTD_FAULT_INDEX_SHIFT 48             /* low, of an interrupt: its index */
#define VTD_FAULT_SOURCE 0xFFFFull           /* high from here on */
#define VTD_FAULT_REASON_SHIFT 32
#define VTD_FAULT_REASON 0xFFu
#define VTD_FAULT_READ (1ull << 62)
#define VTD_FAULT_RECORDED (1ull << 63) /* write 1 to clear */

/* "7.1.3 Fault Conditions and Remapping hardware behavior for various requests": the
 * reasons of legacy mode. */
enum vtd_fault_reason {
    VTD_REASON_ROOT_ABSENT = 0x01,
    VTD_REASON_CONTEXT_ABSENT = 0x02,
    VTD_REASON_CONTEXT_INVALID = 0x03,
    VTD_REASON_ADDRESS_WIDTH = 0x04,
    VTD_REASON_WRITE = 0x05,
    VTD_REASON_READ = 0x06,
    VTD_REASON_TABLE_ACCESS = 0x07,
    VTD_REASON_ROOT_ACCESS = 0x08,
    VTD_REASON_CONTEXT_ACCESS = 0x09,
    VTD_REASON_ROOT_RESERVED = 0x0A,
    VTD_REASON_CONTEXT_RESERVED = 0x0B,
    VTD_REASON_TABLE_RESERVED = 0x0C,
    VTD_REASON_TRANSLATION_TYPE = 0x0D,
    VTD_REASON_INTERRUPT_RESERVED = 0x20,
    VTD_REASON_INTERRUPT_INDEX = 0x21,
    VTD_REASON_INTERRUPT_ABSENT = 0x22,
    VTD_REASON_INTERRUPT_ACCESS = 0x23,
    VTD_REASON_INTERRUPT_ENTRY_RESERVED = 0x24,
    VTD_REASON_INTERRUPT_COMPATIBLE = 0x25,
    VTD_REASON_INTERRUPT_SOURCE = 0x26,
};
#define VTD_REASON_INTERRUPT_FIRST 0x20
#define VTD_REASON_INTERRUPT_LAST 0x28

/* "9.1 Root Entry": 256 of two quadwords, by bus; the high one is 0 */
#define VTD_ROOT_PRESENT (1ull << 0)
#define VTD_TABLE_ADDRESS 0x000FFFFFFFFFF000ull

/* "9.3 Context Entry": 256 of two quadwords, by device and function */
#define VTD_CONTEXT_PRESENT (1ull << 0)
#define VTD_CONTEXT_SILENT (1ull << 1) /* FPD: its faults are not recorded */
#define VTD_CONTEXT_WIDTH_39 1ull      /* high from here on */
#define VTD_CONTEXT_WIDTH_48 2ull
#define VTD_CONTEXT_DOMAIN_SHIFT 8

#define VTD_ENTRY_QUADS 2
#define VTD_TABLE_ENTRIES 256
_Static_assert(VTD_TABLE_ENTRIES * VTD_ENTRY_QUADS * sizeof(uint64_t) == 0x1000,
               "a root or context table is a page");

/* "9.10 Interrupt Remapping Table Entry (IRTE) for Remapped Interrupts" */
#define VTD_IRTE_PRESENT (1ull << 0)
#define VTD_IRTE_LEVEL (1ull << 4)
#define VTD_IRTE_DELIVERY_SHIFT 5
#define VTD_IRTE_VECTOR_SHIFT 16
#define VTD_IRTE_DESTINATION_SHIFT 32      /* with APIC ids of 32 bits */
#define VTD_IRTE_XAPIC_DESTINATION_SHIFT 40 /* with those of 8 */
#define VTD_IRTE_CHECK_SOURCE (1ull << 18) /* SVT 01b, with SQ 00b: all 16 bits */

/* "11.4.9.1 Interrupt Remapping Table Address Register" */
#define VTD_IRTA_EXTENDED (1u << 11) /* EIME */
/* bits 3:0: 2^(n + 1) entries */

/* "5.1.2.2 Interrupt Requests in Remappable Format", and of an IOAPIC
 * "5.1.5.1 I/OxAPIC Programming" */
#define VTD_MESSAGE_ADDRESS 0xFEE00000u
#define VTD_MESSAGE_REMAPPABLE (1u << 4)
#define VTD_MESSAGE_SUBHANDLE (1u << 3) /* the data are added to the handle */
#define VTD_MESSAGE_HANDLE_SHIFT 5      /* bits 14:0 */
#define VTD_MESSAGE_HANDLE_BIT_15_SHIFT 2
#define VTD_REDIRECTION_REMAPPABLE (1ull << 48)
#define VTD_REDIRECTION_HANDLE_SHIFT 49
#define VTD_REDIRECTION_HANDLE_BIT_15_SHIFT 11

/* "5.1.6 Programming in Intel 64 xAPIC Cluster Mode" and following: a unit's own
 * interrupts are not remapped. */
#define VTD_EVENT_DELIVERY_SHIFT 8
#define VTD_EVENT_DESTINATION_SHIFT 12
#define VTD_EVENT_DESTINATION_HIGH 0xFFFFFF00u /* in FEUADDR */

/* "6.5.2 Queued Invalidation Interface": descriptors of two quadwords */
#define VTD_QUEUE_SHIFT 4 /* from a descriptor's number to IQH and IQT */

enum vtd_invalidation {
    VTD_INVALIDATE_CONTEXTS = 1,
    VTD_INVALIDATE_IOTLB = 2,
    VTD_INVALIDATE_INTERRUPTS = 4,
    VTD_INVALIDATION_WAIT = 5,
};
#define VTD_INVALIDATE_GLOBAL (1ull << 4)      /* contexts and IOTLB */
#define VTD_INVALIDATE_DOMAIN (2ull << 4)
#define VTD_INVALIDATE_FUNCTION (3ull << 4)    /* contexts */
#define VTD_INVALIDATE_DOMAIN_SHIFT 16
#define VTD_INVALIDATE_SOURCE_SHIFT 32         /* contexts */
#define VTD_INVALIDATE_DRAIN_WRITES (1ull << 6) /* IOTLB */
#define VTD_INVALIDATE_DRAIN_READS (1ull << 7)
#define VTD_INVALIDATE_ONE_INTERRUPT (1ull << 4)
#define VTD_INVALIDATE_INDEX_SHIFT 32
#define VTD_WAIT_STORES (1ull << 5) /* writes its data to its address */
#define VTD_WAIT_FENCE (1ull << 6)
#define VTD_WAIT_DATA_SHIFT 32
