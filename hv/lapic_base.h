/* SPDX-License-Identifier: MIT
 *
 * IA32_APIC_BASE: the modes of a guest's local APIC, and the page of its
 * registers.
 *
 *                  EN=1                  EXTD=1
 *     disabled ------------->  xAPIC  -------------> x2APIC
 *         ^                      |                      |
 *         +----------------------+----------------------+
 *                             EN=0
 *
 * Every other change is #GP. The hardware's own APIC stays in x2APIC mode
 * throughout: it carries the calls between CPUs, and some processors cannot
 * enable it again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* The value must be possible: no bit reserved, and EXTD only with EN. */
void lapic_base_set(struct vcpu *vcpu, uint64_t value);

/* A write of the MSR by the guest. False: #GP(0). */
bool lapic_base_write(struct vcpu *vcpu, uint64_t value);
