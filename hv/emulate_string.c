/* SPDX-License-Identifier: MIT
 *
 * MOVS, CMPS, STOS, LODS and SCAS, with and without REP.
 *
 * A few elements at a time: the guest then goes on at the same instruction with
 * its registers as far as they got, as after an interrupt between two elements.
 * So a count of 2^64 keeps no CPU from its mailbox and no interrupt from the
 * guest. Where the string leaves the device, the processor goes on by itself.
 */
#include "hv/alu.h"
#include "hv/emulation.h"

#define ELEMENTS_MAX 32

enum progress {
    PROGRESS_ELEMENT, /* one is done */
    PROGRESS_NATIVE,  /* the next one is none of ours */
    PROGRESS_REFUSED,
};

static bool has_source(enum operation operation)
{
    return operation == OPERATION_MOVS || operation == OPERATION_CMPS ||
           operation == OPERATION_LODS;
}

static bool has_destination(enum operation operation)
{
    return operation != OPERATION_LODS;
}

static bool compares(enum operation operation)
{
    return operation == OPERATION_CMPS || operation == OPERATION_SCAS;
}

/* The element that the index register points at. */
static bool find(struct emulation *emulation, enum gpr index, enum segment_register segment,
                 enum guest_access access, struct operand *operand)
{
    uint64_t offset = emulation_register(emulation, index) &
                      alu_mask(emulation->instruction.address_size);
    return emulation_find(emulation, segment, offset, emulation->instruction.memory_size, access,
                          operand);
}

static void compare(unsigned bytes, uint64_t a, uint64_t b)
{
    uint64_t rflags = emulation_rflags();
    (void)alu_arithmetic(OPERATION_CMP, bytes, a, b, &rflags);
    emulation_set_rflags(rflags);
}

/* `from` or `to` of an operation that has none is not looked at. */
static void do_element(struct emulation *emulation, const struct operand *from,
                       const struct operand *to)
{
    enum operation operation = emulation->instruction.operation;
    unsigned bytes = emulation->instruction.memory_size;
    uint64_t value = has_source(operation) ? emulation_load(emulation, from)
                                           : emulation_register(emulation, GPR_RAX);

    if (operation == OPERATION_LODS)
        emulation_set_register(emulation, GPR_RAX, bytes, value);
    else if (compares(operation))
        compare(bytes, value, emulation_load(emulation, to));
    else
        emulation_store(emulation, to, value);
}

static void move_index(struct emulation *emulation, enum gpr index)
{
    unsigned bytes = emulation->instruction.memory_size;
    uint64_t value = emulation_register(emulation, index);
    value = emulation_rflags() & RFLAGS_DF ? value - bytes : value + bytes;
    emulation_set_register(emulation, index, emulation->instruction.address_size, value);
}

static enum progress element(struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    enum operation operation = instruction->operation;
    struct operand from, to;

    if (has_source(operation) &&
        !find(emulation, GPR_RSI, instruction->memory.segment, GUEST_READ, &from))
        return PROGRESS_REFUSED;
    if (has_destination(operation) &&
        !find(emulation, GPR_RDI, SEGMENT_ES, compares(operation) ? GUEST_READ : GUEST_WRITE,
              &to))
        return PROGRESS_REFUSED;
    if ((!has_source(operation) || operand_is_ram(&from)) &&
        (!has_destination(operation) || operand_is_ram(&to)))
        return PROGRESS_NATIVE;
    do_element(emulation, &from, &to);
    if (has_source(operation))
        move_index(emulation, GPR_RSI);
    if (has_destination(operation))
        move_index(emulation, GPR_RDI);
    return PROGRESS_ELEMENT;
}

/* Counts an element; true: it was the last. */
static bool is_last(struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    uint64_t count = emulation_register(emulation, GPR_RCX) - 1;

    emulation_set_register(emulation, GPR_RCX, instruction->address_size, count);
    if ((count & alu_mask(instruction->address_size)) == 0)
        return true;
    bool equal = emulation_rflags() & RFLAGS_ZF;
    return compares(instruction->operation) && equal != (instruction->repeat == REPEAT_E);
}

static struct verdict pause_between_elements(void)
{
    vcpu_end_iteration();
    return RESUME;
}

struct verdict emulate_string(struct emulation *emulation)
{
    const struct instruction *instruction = &emulation->instruction;
    bool repeats = instruction->repeat != REPEAT_NONE;
    uint64_t count = emulation_register(emulation, GPR_RCX) & alu_mask(instruction->address_size);
    unsigned elements_max = emulation_rflags() & RFLAGS_TF ? 1 : ELEMENTS_MAX;

    if (repeats && count == 0) /* another vCPU has just put it there */
        return emulation_advance(emulation);
    for (unsigned done = 0; done < elements_max; done++) {
        enum progress progress = element(emulation);
        if (progress == PROGRESS_REFUSED)
            return emulation->refused;
        if (progress == PROGRESS_NATIVE)
            return done ? pause_between_elements() : RESUME;
        if (!repeats || is_last(emulation))
            return emulation_advance(emulation);
    }
    return pause_between_elements();
}
