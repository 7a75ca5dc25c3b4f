/* SPDX-License-Identifier: MIT
 *
 * How the first vCPU of a guest begins: a value that a loader returns and
 * hv/vcpu_state.c puts into the VMCS. Interrupts are off, A20 is on, the FPU and
 * what is not named here are as after RESET.
 */
#pragma once

#include "hv/addr.h"

enum entry_mode {
    ENTRY_REAL,      /* real mode: CS:RIP, SS:RSP; other segments 0 */
    ENTRY_PROTECTED, /* 32-bit protected mode without paging, flat segments */
    ENTRY_LONG,      /* 64-bit mode, paging by CR3, flat segments */
};

/* Flat segments are loaded from these selectors. */
#define ENTRY_CODE_SELECTOR 0x10u
#define ENTRY_DATA_SELECTOR 0x18u

struct entry_state {
    /* Offsets 0 to 40: guest/native/entry.asm */
    gpa_t rip; /* in real mode an offset, as RSP is */
    gpa_t rsi;
    gpa_t rsp;
    gpa_t cr3;
    gpa_t gdt_base;
    uint16_t gdt_limit;

    enum entry_mode mode;
    uint16_t cs, ss; /* real mode only */
    uint64_t rax, rbx, rdx; /* all other general registers: 0 */
};
