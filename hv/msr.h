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

/* Per-vCPU registers that no VMCS field and no hardware register holds. */
struct msr_state {
    uint64_t mtrr_def_type;
    uint64_t misc_enable;
    uint64_t xcr0; /* as last written by XSETBV; CPUID leaf 0Dh depends on it */
};

/* A bitmap of a VM: what its CPUID offers decides about some rows, and the mode
 * of the local APIC about that one's. */
enum msr_bitmap {
    MSR_BITMAP_OTHER,  /* not in x2APIC mode: none of its registers passes */
    MSR_BITMAP_X2APIC,
    MSR_BITMAP_LEVEL,  /* the same while a level-triggered interrupt is in service */
};
void msr_bitmap_build(uint8_t bitmap[static MSR_BITMAP_SIZE], const struct cpuid_table *table,
                      enum msr_bitmap kind);

/* As after RESET. Does not touch the hardware. */
void msr_state_reset(struct msr_state *state);

struct verdict msr_read_exit(struct vcpu *vcpu);
struct verdict msr_write_exit(struct vcpu *vcpu);
