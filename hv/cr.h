/* SPDX-License-Identifier: MIT
 *
 * CR0, CR4 and XCR0 of a guest. A bit that CPUID does not offer, or that the
 * hypervisor needs at a value of its own, is host-owned: reading it gives the
 * shadow and changing it exits. All other bits are the guest's, without exits.
 *
 * Reads of CR0 and CR4 and every access to CR3 and CR8 never exit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpuid_table;
struct vcpu;
struct verdict;

/* What the VMCS of each vCPU of a VM holds. */
struct cr_policy {
    uint64_t cr0_mask; /* VMCS_CR0_MASK: host-owned bits */
    uint64_t cr4_mask; /* VMCS_CR4_MASK */
};

struct cr_policy cr_policy_for(const struct cpuid_table *table);

/* The register as the processor must hold it while the guest believes that it
 * holds `guest`. VMCS_GUEST_CR0 = cr0_real(x), VMCS_CR0_READ_SHADOW = x. */
uint64_t cr0_real(uint64_t guest);
uint64_t cr4_real(uint64_t guest);

/* Puts CR0 and CR4, as the guest shall see them, into the current VMCS: guest
 * fields and read shadows. The values are the caller's to answer for; only
 * bits that the policy allows may be set. */
void cr_set(uint64_t cr0, uint64_t cr4);

/* The registers as the guest sees them, from the current VMCS. */
uint64_t cr0_seen(void);
uint64_t cr4_seen(void);

struct verdict cr_exit(struct vcpu *vcpu);
struct verdict xsetbv_exit(struct vcpu *vcpu);
