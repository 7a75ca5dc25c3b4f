/* SPDX-License-Identifier: MIT
 *
 * The mode of a vCPU as far as it decides for most instructions what they mean
 * and what they may access: read once, asked often. What else matters, CR0 and
 * RFLAGS, is read where it does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/cr.h"
#include "hv/machine.h"

struct guest_mode {
    uint64_t cr3, cr4, efer;
    uint32_t cs_rights, ss_rights; /* access rights, as in the VMCS */
};

/* That of the current VMCS. */
static inline struct guest_mode guest_mode_read(void)
{
    return (struct guest_mode){
        .cr3 = machine_vmread_natural(VMCS_GUEST_CR3),
        .cr4 = machine_vmread_natural(VMCS_GUEST_CR4),
        .efer = machine_vmread_64(VMCS_GUEST_IA32_EFER),
        .cs_rights = machine_vmread_32(VMCS_GUEST_CS_ACCESS_RIGHTS),
        .ss_rights = machine_vmread_32(VMCS_GUEST_SS_ACCESS_RIGHTS),
    };
}

/* In `ss_rights`, where the VMCS has no bit: the processor accesses a structure of
 * the system, for which RFLAGS.AC does not open pages of the user. SDM Vol. 3A,
 * 4.6.1 "Determination of Access Rights". */
#define GUEST_MODE_IMPLICIT (1u << 31)

static inline bool guest_mode_is_64_bit(const struct guest_mode *mode)
{
    return (mode->efer & EFER_LMA) && (mode->cs_rights & ACCESS_RIGHTS_L);
}

/* The DPL of SS is the CPL: SDM Vol. 3C, 25.4.1 "Guest Register State". */
static inline bool guest_mode_is_user(const struct guest_mode *mode)
{
    return (mode->ss_rights & ACCESS_RIGHTS_DPL_MASK) == ACCESS_RIGHTS_DPL_MASK;
}
