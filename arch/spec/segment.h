/* SPDX-License-Identifier: MIT
 *
 * Segment selectors, descriptors and task-state segments, as they lie in memory.
 * SDM Vol. 3A, 3.4.2 "Segment Selectors", 3.4.5 "Segment Descriptors", 3.5
 * "System Descriptor Types", 8.2.1 "Task-State Segment (TSS)", 8.6 "16-Bit
 * Task-State Segment (TSS)". The flags of a descriptor are those of the access
 * rights in a VMCS: ACCESS_RIGHTS_* in arch/spec/vmcs.h.
 */
#pragma once

/* As instructions and VM exits number them, and in the order of the VMCS fields and of
 * the selectors in a TSS. */
enum segment_register {
    SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS,
    SEGMENT_LDTR, SEGMENT_TR
};
#define SEGMENT_DATA_AND_CODE 6 /* of them: what an instruction's operand can name */

/* Selectors. An error code that names one has other bits in place of the RPL. */
enum {
    SELECTOR_RPL = 3u,
    SELECTOR_LOCAL = 1u << 2, /* from the LDT, not the GDT */
    SELECTOR_INDEX = 0xFFF8u, /* also the descriptor's offset in its table */
    SELECTOR_IN_ERROR_CODE = 0xFFFCu,
};

enum { DESCRIPTOR_BYTES = 8, DESCRIPTOR_ACCESS_BYTE = 5 };

/* The type of a code or data segment (S is 1). */
enum {
    TYPE_ACCESSED = 1u << 0,
    TYPE_WRITABLE = 1u << 1, /* of code: readable */
    TYPE_EXPAND_DOWN = 1u << 2, /* of code: conforming */
    TYPE_CODE = 1u << 3,
};

/* The type of a system segment (S is 0). */
enum {
    TYPE_TSS_16 = 1,
    TYPE_LDT = 2,
    TYPE_TSS_BUSY = 2, /* a bit of the four TSS types */
    TYPE_TSS_32 = 9,
};

/* Offsets in a TSS of 32 bits. General registers lie in encoding order, segment
 * selectors as ES, CS, SS, DS, FS, GS; each takes four bytes. */
enum {
    TSS_32_LINK = 0x00,
    TSS_32_CR3 = 0x1C,
    TSS_32_EIP = 0x20, /* what a switch saves begins here */
    TSS_32_EFLAGS = 0x24,
    TSS_32_GPR = 0x28,
    TSS_32_SEGMENTS = 0x48,
    TSS_32_LDT = 0x60, /* and ends here */
    TSS_32_TRAP = 0x64, /* bit 0 */
    TSS_32_BYTES = 0x68,
};

/* Offsets in a TSS of 16 bits: the same without FS and GS, two bytes each. */
enum {
    TSS_16_LINK = 0x00,
    TSS_16_IP = 0x0E,
    TSS_16_FLAGS = 0x10,
    TSS_16_GPR = 0x12,
    TSS_16_SEGMENTS = 0x22,
    TSS_16_LDT = 0x2A,
    TSS_16_BYTES = 0x2C,
};
