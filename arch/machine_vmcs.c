/* SPDX-License-Identifier: MIT
 *
 * The VMCS functions of hv/machine.h, and its clock. By themselves, so that they can be
 * optimised together with what runs at every exit.
 */
#include "arch/insn.h"
#include "arch/vmcs.h"
#include "hv/machine.h"

uint16_t machine_vmread_16(enum vmcs_field_16 field) { return vmcs_read_16(field); }
uint32_t machine_vmread_32(enum vmcs_field_32 field) { return vmcs_read_32(field); }
uint64_t machine_vmread_64(enum vmcs_field_64 field) { return vmcs_read_64(field); }
uint64_t machine_vmread_natural(enum vmcs_field_natural field) { return vmcs_read_natural(field); }
void machine_vmwrite_16(enum vmcs_field_16 field, uint16_t value) { vmcs_write_16(field, value); }
void machine_vmwrite_32(enum vmcs_field_32 field, uint32_t value) { vmcs_write_32(field, value); }
void machine_vmwrite_64(enum vmcs_field_64 field, uint64_t value) { vmcs_write_64(field, value); }

void machine_vmwrite_natural(enum vmcs_field_natural field, uint64_t value)
{
    vmcs_write_natural(field, value);
}

uint64_t machine_tsc(void) { return rdtsc(); }
