/* SPDX-License-Identifier: MIT
 *
 * Moves between an XMM register and memory. The guest's registers are in the
 * processor while the hypervisor runs, which uses none of them itself.
 *
 * SDM Vol. 2A, Table 2-21 "Type 1 Class Exception Conditions" to Table 2-25 have
 * what such an instruction can fault with; the upper parts of YMM and ZMM
 * registers stay, as these are not the instructions with VEX.
 */
#include "hv/emulation.h"
#include "hv/machine.h"

static bool is_available(struct emulation *emulation)
{
    uint64_t cr0 = machine_vmread_natural(VMCS_GUEST_CR0);

    emulation->refused = INJECT_UD;
    if ((cr0 & CR0_EM) || !(emulation->mode.cr4 & CR4_OSFXSR))
        return false;
    emulation->refused = (struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_NM };
    return !(cr0 & CR0_TS);
}

static void load(struct emulation *emulation, const struct operand *operand)
{
    const struct instruction *instruction = &emulation->instruction;
    uint8_t xmm[OPERAND_BYTES_MAX] = { 0 };

    if (instruction->keeps_rest)
        machine_xmm_read(instruction->reg, xmm);
    operand_read(emulation->vcpu, operand, xmm + instruction->xmm_offset);
    machine_xmm_write(instruction->reg, xmm);
}

static void store(struct emulation *emulation, const struct operand *operand)
{
    const struct instruction *instruction = &emulation->instruction;
    uint8_t xmm[OPERAND_BYTES_MAX];

    machine_xmm_read(instruction->reg, xmm);
    operand_write(emulation->vcpu, operand, xmm + instruction->xmm_offset);
}

struct verdict emulate_sse(struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    bool loads = instruction->operation == OPERATION_SSE_LOAD;
    uint64_t offset = emulation_offset(emulation);
    struct operand operand;

    if (!is_available(emulation) ||
        !emulation_find(emulation, instruction->memory.segment, offset, instruction->memory_size,
                        loads ? GUEST_READ : GUEST_WRITE, &operand))
        return emulation->refused;
    if (operand_is_ram(&operand))
        return RESUME;
    if (loads)
        load(emulation, &operand);
    else
        store(emulation, &operand);
    return emulation_advance(emulation);
}
