/* SPDX-License-Identifier: MIT
 *
 * Instructions with one memory operand and perhaps a register: moves,
 * arithmetic, shifts, bits, exchanges. What they compute is in alu.h.
 *
 * LOCK is honoured as far as the instruction goes; at a device nothing else is
 * locked out between the read and the write.
 */
#include "hv/alu.h"
#include "hv/emulation.h"

/* What an instruction does with its memory operand. */
static bool is_between(enum operation operation, enum operation first, enum operation last)
{
    return operation >= first && operation <= last;
}

static bool only_stores(const struct instruction *instruction)
{
    enum operation operation = instruction->operation;
    return operation == OPERATION_SET || operation == OPERATION_MOV_SELECTOR ||
           (!instruction->to_register &&
            (operation == OPERATION_MOV || operation == OPERATION_MOVBE));
}

static bool only_loads(const struct instruction *instruction)
{
    enum operation operation = instruction->operation;
    return instruction->to_register || operation == OPERATION_CMP || operation == OPERATION_TEST ||
           operation == OPERATION_BT || is_between(operation, OPERATION_MUL, OPERATION_IDIV);
}

static uint64_t source_value(const struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    if (instruction->source == SOURCE_IMMEDIATE)
        return instruction->immediate;
    if (instruction->source == SOURCE_CL)
        return (uint8_t)emulation_register(emulation, GPR_RCX);
    return instruction->source == SOURCE_REGISTER ? emulation_reg(emulation) : 0;
}

/* BT and its family with a register reach beyond the operand: SDM Vol. 2A,
 * "BT—Bit Test". */
static uint64_t offset_of(const struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    uint64_t offset = emulation_offset(emulation);
    unsigned bytes = instruction->memory_size;

    if (is_between(instruction->operation, OPERATION_BT, OPERATION_BTC) &&
        instruction->source == SOURCE_REGISTER) {
        int64_t bit = (int64_t)alu_sign_extend(emulation_reg(emulation), bytes);
        offset += (uint64_t)((bit >> 3) & -(int64_t)bytes);
    }
    return offset & alu_mask(instruction->address_size);
}

/* ---- Results ---- */

static uint64_t value_to_store(const struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    if (instruction->operation == OPERATION_SET)
        return alu_condition(instruction->condition, emulation_rflags());
    if (instruction->operation == OPERATION_MOV_SELECTOR)
        return guest_segment_selector((enum segment_register)instruction->reg);
    uint64_t value = source_value(emulation);
    if (instruction->operation == OPERATION_MOVBE)
        return alu_swap_bytes(value, instruction->memory_size);
    return value;
}

/* Of the operations whose result goes to the first operand. */
static uint64_t result_of(const struct instruction *instruction, uint64_t a, uint64_t b,
                          uint64_t *rflags)
{
    enum operation operation = instruction->operation;
    unsigned bytes = instruction->register_size;

    if (is_between(operation, OPERATION_ROL, OPERATION_SAR))
        return alu_shift(operation, bytes, a, (unsigned)b, rflags);
    if (is_between(operation, OPERATION_BT, OPERATION_BTC))
        return alu_bit(operation, bytes, a, b, rflags);
    if (is_between(operation, OPERATION_BSF, OPERATION_BSR))
        return alu_scan(operation, bytes, b, a, rflags);
    if (operation == OPERATION_IMUL_REGISTER) {
        uint64_t factor = instruction->source == SOURCE_IMMEDIATE ? instruction->immediate : a;
        return alu_multiply(operation, bytes, factor, b, rflags).low;
    }
    if (operation == OPERATION_CMOV)
        return alu_condition(instruction->condition, *rflags) ? b : a;
    if (operation == OPERATION_MOVSX)
        return alu_sign_extend(b, instruction->memory_size);
    if (operation == OPERATION_MOVBE)
        return alu_swap_bytes(b, bytes);
    if (operation == OPERATION_MOV)
        return b;
    return alu_arithmetic(operation, bytes, a, b, rflags);
}

static struct verdict load_to_register(struct emulation *emulation, const struct operand *operand)
{
    uint64_t rflags = emulation_rflags();
    uint64_t result = result_of(&emulation->instruction, emulation_reg(emulation),
                                emulation_load(emulation, operand), &rflags);
    if (emulation->instruction.operation != OPERATION_CMP)
        emulation_set_reg(emulation, result);
    emulation_set_rflags(rflags);
    return emulation_advance(emulation);
}

/* MUL to IDIV: the accumulator is AX, or DX and AX, and so on. */
static struct alu_pair accumulator(const struct emulation *emulation, unsigned bytes)
{
    uint64_t rax = emulation_register(emulation, GPR_RAX);
    if (bytes == 1)
        return (struct alu_pair){ .low = (uint8_t)rax, .high = (uint8_t)(rax >> 8) };
    return (struct alu_pair){ .low = rax & alu_mask(bytes),
                              .high = emulation_register(emulation, GPR_RDX) & alu_mask(bytes) };
}

static void set_accumulator(struct emulation *emulation, unsigned bytes, struct alu_pair pair)
{
    if (bytes == 1) {
        emulation_set_register(emulation, GPR_RAX, 2, pair.low | pair.high << 8);
        return;
    }
    emulation_set_register(emulation, GPR_RAX, bytes, pair.low);
    emulation_set_register(emulation, GPR_RDX, bytes, pair.high);
}

static struct verdict multiply_or_divide(struct emulation *emulation,
                                         const struct operand *operand)
{
    const struct verdict divide_error = { .kind = VERDICT_INJECT, .vector = VECTOR_DE };
    enum operation operation = emulation->instruction.operation;
    unsigned bytes = emulation->instruction.memory_size;
    struct alu_pair pair = accumulator(emulation, bytes);
    uint64_t rflags = emulation_rflags();
    uint64_t value = emulation_load(emulation, operand);

    if (operation == OPERATION_MUL || operation == OPERATION_IMUL)
        pair = alu_multiply(operation, bytes, pair.low, value, &rflags);
    else if (!alu_divide(operation, bytes, pair, value, &pair))
        return divide_error;
    set_accumulator(emulation, bytes, pair);
    emulation_set_rflags(rflags);
    return emulation_advance(emulation);
}

/* ---- Reading and writing ---- */

/* Returns what is written, which is what was read if the comparison fails: the
 * processor writes in any case. */
static uint64_t compare_exchange(struct emulation *emulation, uint64_t old, uint64_t *rflags)
{
    unsigned bytes = emulation->instruction.memory_size;
    uint64_t expected = emulation_register(emulation, GPR_RAX);

    (void)alu_arithmetic(OPERATION_CMP, bytes, expected, old, rflags);
    if (*rflags & RFLAGS_ZF)
        return emulation_reg(emulation);
    emulation_set_register(emulation, GPR_RAX, bytes, old);
    return old;
}

/* Both operands change. The register last: it may be part of nothing else. */
static uint64_t exchange(struct emulation *emulation, uint64_t old, uint64_t *rflags)
{
    uint64_t reg = emulation_reg(emulation);
    uint64_t new = reg;

    if (emulation->instruction.operation == OPERATION_XADD)
        new = alu_arithmetic(OPERATION_ADD, emulation->instruction.memory_size, old, reg, rflags);
    emulation_set_reg(emulation, old);
    return new;
}

static struct verdict change(struct emulation *emulation, const struct operand *operand)
{
    const struct instruction *instruction = &emulation->instruction;
    enum operation operation = instruction->operation;
    uint64_t rflags = emulation_rflags();
    uint64_t old = emulation_load(emulation, operand), new;

    if (operation == OPERATION_CMPXCHG)
        new = compare_exchange(emulation, old, &rflags);
    else if (operation == OPERATION_XCHG || operation == OPERATION_XADD)
        new = exchange(emulation, old, &rflags);
    else if (operation == OPERATION_SHLD || operation == OPERATION_SHRD)
        new = alu_shift_double(operation, instruction->memory_size, old,
                               emulation_reg(emulation),
                               instruction->source == SOURCE_CL
                                   ? (uint8_t)emulation_register(emulation, GPR_RCX)
                                   : (uint8_t)instruction->immediate,
                               &rflags);
    else
        new = result_of(instruction, old, source_value(emulation), &rflags);
    emulation_store(emulation, operand, new);
    emulation_set_rflags(rflags);
    return emulation_advance(emulation);
}

/* CMPXCHG8B and CMPXCHG16B: EDX:EAX or RDX:RAX, and ECX:EBX or RCX:RBX. */
static struct verdict change_pair(struct emulation *emulation, const struct operand *operand)
{
    unsigned bytes = emulation->instruction.register_size;
    struct alu_pair expected = accumulator(emulation, bytes);
    uint64_t rflags = emulation_rflags() & ~RFLAGS_ZF;
    uint64_t old[2] = { 0 }, new[2] = { 0 };
    uint8_t memory[OPERAND_BYTES_MAX];

    operand_read(emulation->vcpu, operand, memory);
    for (unsigned i = 0; i < 2 * bytes; i++)
        old[i / bytes] |= (uint64_t)memory[i] << 8 * (i % bytes);
    if (old[0] == expected.low && old[1] == expected.high) {
        rflags |= RFLAGS_ZF;
        new[0] = emulation_register(emulation, GPR_RBX);
        new[1] = emulation_register(emulation, GPR_RCX);
        for (unsigned i = 0; i < 2 * bytes; i++)
            memory[i] = (uint8_t)(new[i / bytes] >> 8 * (i % bytes));
    } else {
        set_accumulator(emulation, bytes, (struct alu_pair){ old[0], old[1] });
    }
    operand_write(emulation->vcpu, operand, memory);
    emulation_set_rflags(rflags);
    return emulation_advance(emulation);
}

struct verdict emulate_memory(struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    enum operation operation = instruction->operation;
    enum guest_access access = only_loads(instruction) ? GUEST_READ : GUEST_WRITE;
    uint64_t offset = offset_of(emulation);
    struct operand operand;

    if (!emulation_find(emulation, instruction->memory.segment, offset, instruction->memory_size,
                        access, &operand))
        return emulation->refused;
    if (operand_is_ram(&operand))
        return RESUME;
    if (only_stores(instruction)) {
        emulation_store(emulation, &operand, value_to_store(emulation));
        return emulation_advance(emulation);
    }
    if (operation == OPERATION_CMPXCHG_PAIR)
        return change_pair(emulation, &operand);
    if (is_between(operation, OPERATION_MUL, OPERATION_IDIV))
        return multiply_or_divide(emulation, &operand);
    if (instruction->to_register)
        return load_to_register(emulation, &operand);
    if (access == GUEST_WRITE)
        return change(emulation, &operand);
    uint64_t rflags = emulation_rflags(); /* CMP, TEST, BT: flags alone */
    (void)result_of(instruction, emulation_load(emulation, &operand), source_value(emulation),
                    &rflags);
    emulation_set_rflags(rflags);
    return emulation_advance(emulation);
}
