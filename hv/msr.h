/* SPDX-License-Identifier: MIT
 *
 * Model-specific registers as a guest sees them. Default deny: an MSR that no
 * row of hv/msr.c names raises #GP(0). The hardware's bitmap is computed from
 * the same rows as the handlers' decisions, so that an intercept and its
 * emulation cannot disagree.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpuid_table;
struct vcpu;
struct verdict;

#define MSR_BITMAP_SIZE 4096
#define MSR_MTRR_FIXED_COUNT 11

/* Per-vCPU registers that no VMCS field and no hardware register holds. */
struct msr_state {
    uint64_t mtrr_def_type;
    uint64_t mtrr_fixed[MSR_MTRR_FIXED_COUNT];
    uint64_t misc_enable;
    uint64_t xcr0; /* as last written by XSETBV; CPUID leaf 0Dh depends on it */
    uint64_t tsc_offset;   /* hv/guest_tsc.h; also IA32_TSC_ADJUST */
    uint64_t tsc_deadline; /* as written while the offset is not 0 */
};

/* The bitmaps of a VM, by what its vCPUs may be in. */
enum msr_bitmap {
    MSR_BITMAP_OTHER,  /* not in x2APIC mode: none of its registers passes */
    MSR_BITMAP_X2APIC,
    MSR_BITMAP_LEVEL,  /* the same while a level-triggered interrupt is in service */
    MSR_BITMAP_TSC_MOVED, /* added to each of these: the TSC is not the machine's */
    MSR_BITMAP_COUNT = 2 * MSR_BITMAP_TSC_MOVED
};

/* Fills one: what the VM's CPUID offers decides about some rows, `kind` about those
 * of the local APIC and of the TSC. */
void msr_bitmap_build(uint8_t bitmap[static MSR_BITMAP_SIZE], const struct cpuid_table *table,
                      unsigned kind);

/* Puts the one that fits the vCPU into its VMCS, which is the current one. */
void msr_bitmap_choose(const struct vcpu *vcpu);

/* As after RESET. Does not touch the hardware. */
void msr_state_reset(struct msr_state *state);

struct verdict msr_read_exit(struct vcpu *vcpu);
struct verdict msr_write_exit(struct vcpu *vcpu);
