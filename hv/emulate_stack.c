/* SPDX-License-Identifier: MIT
 *
 * PUSH, POP, near CALL, JMP and RET, with the operand or the stack, or both, at an
 * address without RAM.
 */
#include "hv/alu.h"
#include "hv/emulation.h"

static unsigned stack_address_size(const struct emulation *emulation)
{
    if (emulation->is_64)
        return 8;
    return emulation->mode.ss_rights & ACCESS_RIGHTS_DB ? 4 : 2;
}

static void move_stack(struct emulation *emulation, uint64_t bytes)
{
    uint64_t rsp = emulation_register(emulation, GPR_RSP);
    emulation_set_register(emulation, GPR_RSP, stack_address_size(emulation), rsp + bytes);
}

/* What is at `distance` from the top of the stack. */
static bool find_on_stack(struct emulation *emulation, uint64_t distance,
                          enum guest_access access, struct operand *operand)
{
    uint64_t rsp = emulation_register(emulation, GPR_RSP) + distance;
    return emulation_find(emulation, SEGMENT_SS, rsp & alu_mask(stack_address_size(emulation)),
                          emulation->instruction.register_size, access, operand);
}

/* The memory operand, with RSP `bias` more than it is. */
static bool find_memory(struct emulation *emulation, uint64_t bias, enum guest_access access,
                        struct operand *operand)
{
    const struct instruction *instruction = &emulation->instruction;
    uint64_t offset = emulation_offset(emulation);
    if (instruction->memory.base == GPR_RSP)
        offset = (offset + bias) & alu_mask(instruction->address_size);
    return emulation_find(emulation, instruction->memory.segment, offset,
                          instruction->memory_size, access, operand);
}

static bool has_memory(const struct emulation *emulation)
{
    return emulation->instruction.source == SOURCE_MEMORY;
}

static struct verdict push(struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    uint64_t bytes = instruction->register_size;
    struct operand from, to;

    if (has_memory(emulation) && !find_memory(emulation, 0, GUEST_READ, &from))
        return emulation->refused;
    if (!find_on_stack(emulation, -bytes, GUEST_WRITE, &to))
        return emulation->refused;
    if (operand_is_ram(&to) && (!has_memory(emulation) || operand_is_ram(&from)))
        return RESUME;
    uint64_t value = has_memory(emulation) ? emulation_load(emulation, &from)
                     : instruction->source == SOURCE_IMMEDIATE ? instruction->immediate
                                                               : emulation_reg(emulation);
    emulation_store(emulation, &to, value);
    move_stack(emulation, -bytes);
    return emulation_advance(emulation);
}

/* RSP is incremented before it is used for an address or overwritten. */
static struct verdict pop(struct emulation *emulation)
{
    uint64_t bytes = emulation->instruction.register_size;
    struct operand from, to;

    if (!find_on_stack(emulation, 0, GUEST_READ, &from))
        return emulation->refused;
    if (has_memory(emulation) && !find_memory(emulation, bytes, GUEST_WRITE, &to))
        return emulation->refused;
    if (operand_is_ram(&from) && (!has_memory(emulation) || operand_is_ram(&to)))
        return RESUME;
    uint64_t value = emulation_load(emulation, &from);
    move_stack(emulation, bytes);
    if (has_memory(emulation))
        emulation_store(emulation, &to, value);
    else
        emulation_set_reg(emulation, value);
    return emulation_advance(emulation);
}

/* ---- Branches ---- */

/* In 64-bit mode an address, else an offset that CS must allow. */
static bool is_target(const struct emulation *emulation, uint64_t target)
{
    if (!emulation->is_64)
        return target <= machine_vmread_32(VMCS_GUEST_CS_LIMIT);
    unsigned bytes = emulation->mode.cr4 & CR4_LA57 ? 57 : 48;
    return (uint64_t)((int64_t)(target << (64 - bytes)) >> (64 - bytes)) == target;
}

static uint64_t next_rip(const struct emulation *emulation)
{
    uint64_t rip = machine_vmread_natural(VMCS_GUEST_RIP) + emulation->instruction.length;
    return rip & alu_mask(emulation->is_64 ? 8 : 4);
}

static struct verdict go_to(uint64_t target)
{
    machine_vmwrite_natural(VMCS_GUEST_RIP, target);
    vcpu_advance(0);
    return RESUME;
}

static struct verdict call_or_jump(struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    bool calls = instruction->operation == OPERATION_CALL;
    uint64_t bytes = instruction->register_size;
    struct operand from, to;

    if (has_memory(emulation) && !find_memory(emulation, 0, GUEST_READ, &from))
        return emulation->refused;
    if (calls && !find_on_stack(emulation, -bytes, GUEST_WRITE, &to))
        return emulation->refused;
    if ((!has_memory(emulation) || operand_is_ram(&from)) && (!calls || operand_is_ram(&to)))
        return RESUME;
    uint64_t target = has_memory(emulation) ? emulation_load(emulation, &from)
                                            : next_rip(emulation) + instruction->immediate;
    target &= alu_mask(instruction->register_size);
    if (!is_target(emulation, target))
        return INJECT_GP0;
    if (calls) {
        emulation_store(emulation, &to, next_rip(emulation));
        move_stack(emulation, -bytes);
    }
    return go_to(target);
}

static struct verdict ret(struct emulation *emulation)
{
    uint64_t bytes = emulation->instruction.register_size;
    struct operand from;

    if (!find_on_stack(emulation, 0, GUEST_READ, &from))
        return emulation->refused;
    if (operand_is_ram(&from))
        return RESUME;
    uint64_t target = emulation_load(emulation, &from);
    if (!is_target(emulation, target))
        return INJECT_GP0;
    move_stack(emulation, bytes + emulation->instruction.immediate);
    return go_to(target);
}

struct verdict emulate_stack(struct emulation *emulation)
{
    enum operation operation = emulation->instruction.operation;
    if (operation == OPERATION_PUSH)
        return push(emulation);
    if (operation == OPERATION_POP)
        return pop(emulation);
    return operation == OPERATION_RET ? ret(emulation) : call_or_jump(emulation);
}
