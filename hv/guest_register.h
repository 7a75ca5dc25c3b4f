/* SPDX-License-Identifier: MIT
 *
 * A guest's general registers by their numbers in instructions.
 */
#pragma once

#include "hv/machine.h"
#include "hv/vcpu.h"

static inline uint64_t guest_size_mask(unsigned bytes)
{
    static const uint64_t masks[] = { [1] = UINT8_MAX, [2] = UINT16_MAX, [4] = UINT32_MAX,
                                      [8] = UINT64_MAX };
    return masks[bytes];
}

/* RSP is the VMCS's. */
static inline uint64_t guest_register_read(const struct vcpu *vcpu, unsigned reg)
{
    return reg == GPR_RSP ? machine_vmread_natural(VMCS_GUEST_RSP) : vcpu->gpr[reg];
}

static inline void guest_register_write(struct vcpu *vcpu, unsigned reg, uint64_t value)
{
    if (reg == GPR_RSP)
        machine_vmwrite_natural(VMCS_GUEST_RSP, value);
    else
        vcpu->gpr[reg] = value;
}

/* The other bytes of the register stay. */
static inline void guest_register_write_part(struct vcpu *vcpu, unsigned reg, unsigned bytes,
                                             bool high_byte, uint64_t value)
{
    unsigned shift = high_byte ? 8 : 0;
    uint64_t mask = guest_size_mask(bytes) << shift;
    uint64_t old = guest_register_read(vcpu, reg);
    guest_register_write(vcpu, reg, (old & ~mask) | value << shift);
}
