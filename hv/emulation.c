/* SPDX-License-Identifier: MIT
 *
 * See emulation.h.
 */
#include "hv/emulation.h"

#include "hv/alu.h"
#include "hv/guest_register.h"

uint64_t emulation_register(const struct emulation *emulation, unsigned reg)
{
    return guest_register_read(emulation->vcpu, reg);
}

void emulation_set_register(struct emulation *emulation, unsigned reg, unsigned bytes,
                            uint64_t value)
{
    if (bytes >= 4)
        guest_register_write(emulation->vcpu, reg, value & alu_mask(bytes));
    else
        guest_register_write_part(emulation->vcpu, reg, bytes, false, value & alu_mask(bytes));
}

uint64_t emulation_reg(const struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    uint64_t value = emulation_register(emulation, instruction->reg);
    return value >> (instruction->high_byte ? 8 : 0) & alu_mask(instruction->register_size);
}

void emulation_set_reg(struct emulation *emulation, uint64_t value)
{
    const struct instruction *instruction = &emulation->instruction;
    if (instruction->high_byte)
        guest_register_write_part(emulation->vcpu, instruction->reg, 1, true, (uint8_t)value);
    else
        emulation_set_register(emulation, instruction->reg, instruction->register_size, value);
}

uint64_t emulation_offset(const struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    const struct memory_operand *memory = &instruction->memory;
    uint64_t offset = (uint64_t)memory->displacement;

    if (memory->base == REGISTER_RIP)
        offset += machine_vmread_natural(VMCS_GUEST_RIP) + instruction->length;
    else if (memory->base != REGISTER_NONE)
        offset += emulation_register(emulation, memory->base);
    if (memory->index != REGISTER_NONE)
        offset += emulation_register(emulation, memory->index) << memory->shift;
    return offset & alu_mask(instruction->address_size);
}

bool emulation_find(struct emulation *emulation, enum segment_register segment, uint64_t offset,
                    unsigned bytes, enum guest_access access, struct operand *operand)
{
    gla_t linear;
    if (!guest_segment_linear(&emulation->mode, segment, offset, bytes, access == GUEST_WRITE,
                              &linear, &emulation->refused))
        return false;
    emulation->refused = INJECT_GP0;
    if (emulation->instruction.aligned && linear.value % OPERAND_BYTES_MAX)
        return false;
    return operand_find(emulation->vcpu, &emulation->mode, linear, bytes, access, operand,
                        &emulation->refused);
}

uint64_t emulation_load(struct emulation *emulation, const struct operand *operand)
{
    uint64_t value = 0;
    operand_read(emulation->vcpu, operand, &value);
    return value;
}

void emulation_store(struct emulation *emulation, const struct operand *operand, uint64_t value)
{
    operand_write(emulation->vcpu, operand, &value);
}

uint64_t emulation_rflags(void)
{
    return machine_vmread_natural(VMCS_GUEST_RFLAGS);
}

void emulation_set_rflags(uint64_t rflags)
{
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, rflags);
}

struct verdict emulation_advance(struct emulation *emulation)
{
    vcpu_advance(emulation->instruction.length);
    return RESUME;
}
