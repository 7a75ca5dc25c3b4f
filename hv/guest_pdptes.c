/* SPDX-License-Identifier: MIT
 *
 * See guest_pdptes.h. SDM Vol. 3A, 4.4.1 "PDPTE Registers".
 */
#include "hv/guest_pdptes.h"

#include "arch/spec/cr.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define PDPTES 4
#define PDPTE_P BIT(0)
#define PDPTE_RESERVED 0xFFF00000000001E6ull
#define CR3_TABLE 0xFFFFFFE0u

bool guest_pdptes_load(struct vcpu *vcpu, uint32_t cr3)
{
    uint64_t reserved = PDPTE_RESERVED | vcpu->vm->cpuid.reserved_address_bits;
    uint64_t pdptes[PDPTES];

    /* Where there is no memory, ones are read. */
    if (!guest_memory_read(&vcpu->vm->memory, pdptes, GPA(cr3 & CR3_TABLE), sizeof pdptes))
        return false;
    for (unsigned i = 0; i < PDPTES; i++)
        if ((pdptes[i] & PDPTE_P) && (pdptes[i] & reserved))
            return false;
    machine_vmwrite_64(VMCS_GUEST_PDPTE0, pdptes[0]);
    machine_vmwrite_64(VMCS_GUEST_PDPTE1, pdptes[1]);
    machine_vmwrite_64(VMCS_GUEST_PDPTE2, pdptes[2]);
    machine_vmwrite_64(VMCS_GUEST_PDPTE3, pdptes[3]);
    return true;
}
