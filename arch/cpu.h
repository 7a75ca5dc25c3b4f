/* SPDX-License-Identifier: MIT
 *
 * A CPU of the machine and everything that it owns. GS points at its struct
 * while the CPU is in the hypervisor.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "arch/insn.h"
#include "arch/layout.h"
#include "hv/addr.h"
#include "hv/cpu_identity.h"
#include "hv/preflight.h"
#include "hv/vcpu.h"

#define CPUS_MAX 64

#define GDT_CODE 0x08
#define GDT_DATA 0x10
#define GDT_TSS 0x18

/* Interrupt stack table slots. */
#define IST_DOUBLE_FAULT 1
#define IST_NMI 2

enum cpu_state {
    CPU_ABSENT,    /* told by the MADT, has not answered */
    CPU_UNFIT,     /* runs, but cannot run guests: see its preflight */
    CPU_READY,     /* in VMX root operation */
};

/* SDM Vol. 3A, 8.7 "Task Management in 64-Bit Mode" */
struct __attribute__((packed)) task_state {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
};
_Static_assert(sizeof(struct task_state) == 104, "the TSS of 64-bit mode");

/* One of a CPU's sights of guest RAM. */
struct window {
    uint8_t *virtual;  /* where its 2 MiB are */
    hpa_t page;        /* that it shows; UINT64_MAX: none yet */
    uint64_t entry;    /* by which its user named a page of 4 KiB; UINT64_MAX: none */
    void *page_bytes;  /* where that is */
};

struct cpu {
    struct cpu *self;            /* offset 0: arch/vmx_entry.asm */
    struct vcpu *vcpu;           /* offset 8: NULL if no guest owns this CPU */
    _Atomic uint32_t requests;   /* offset 16: mailbox, bits of hv/vcpu.h */
    uint32_t number;
    uint64_t stack_top;          /* offset 24 */
    struct recorder recorder;    /* offset 32 */

    uint32_t apic_id;
    _Atomic enum cpu_state state; /* written by the CPU itself */
    struct vmx_capabilities capabilities;
    bool tsc_adjust_is_zero; /* IA32_TSC_ADJUST is there, and 0; nobody changes it */
    bool mtrrs_differ; /* from the boot CPU's */
    bool timer_on; /* the VMX-preemption timer, in this CPU's VMCS */

    struct window windows[WINDOWS_PER_CPU]; /* arch/window.h */

    uint64_t gdt[5];
    struct task_state tss;
    uint32_t *vmxon_region; /* a page each */
    uint32_t *vmcs;
    struct cpu_identity identity;
};

extern struct cpu *cpus[CPUS_MAX];
extern unsigned cpu_count;

static inline struct cpu *this_cpu(void)
{
    return gs_read_0();
}

/* Makes a struct cpu with mapped stacks, for a CPU with this APIC id. */
struct cpu *cpu_create(uint32_t apic_id);

/* What the boot CPU and the APs have in common: this CPU's map, descriptors,
 * local APIC and VMX. Leaves its state in cpu->state. */
void cpu_start(struct cpu *cpu);

/* Serves requests and runs this CPU's guest, for ever. */
_Noreturn void cpu_run(void);
