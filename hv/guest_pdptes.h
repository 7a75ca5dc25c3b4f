/* SPDX-License-Identifier: MIT
 *
 * The four PDPTEs of PAE paging, which a load of CR3 puts into registers of the
 * processor. With EPT they are fields of the VMCS.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* Loads them from where this CR3 says. False, and nothing is changed: one has a
 * reserved bit set, which is #GP(0). */
bool guest_pdptes_load(struct vcpu *vcpu, uint32_t cr3);
