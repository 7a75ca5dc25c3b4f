/* SPDX-License-Identifier: MIT
 *
 * Inside of hv/emulate.h: one instruction being emulated, and what all kinds of
 * instruction need of it.
 *
 * Each kind has one function that does the instruction: it finds all operands
 * first, so that a fault leaves nothing half done, and gives it back to the
 * processor if all of them are RAM.
 */
#pragma once

#include "hv/instruction.h"
#include "hv/operand.h"

struct emulation {
    struct vcpu *vcpu;
    struct guest_mode mode;
    bool is_64;
    struct instruction instruction;
    struct verdict refused; /* why something returned false */
};

/* Registers by their number, whole and in part. A result of 32 bits clears the
 * upper half: SDM Vol. 1, 3.4.1.1 "General-Purpose Registers in 64-Bit Mode". */
uint64_t emulation_register(const struct emulation *emulation, unsigned reg);
void emulation_set_register(struct emulation *emulation, unsigned reg, unsigned bytes,
                            uint64_t value);

/* The instruction's `reg`, of its register_size, be it a high byte or not. */
uint64_t emulation_reg(const struct emulation *emulation);
void emulation_set_reg(struct emulation *emulation, uint64_t value);

/* Where the memory operand is in its segment. */
uint64_t emulation_offset(const struct emulation *emulation);

/* False: `refused` is the verdict. */
bool emulation_find(struct emulation *emulation, enum segment_register segment, uint64_t offset,
                    unsigned bytes, enum guest_access access, struct operand *operand);

/* Of at most 8 bytes. */
uint64_t emulation_load(struct emulation *emulation, const struct operand *operand);
void emulation_store(struct emulation *emulation, const struct operand *operand, uint64_t value);

uint64_t emulation_rflags(void);
void emulation_set_rflags(uint64_t rflags);

/* The instruction is done: the next one. */
struct verdict emulation_advance(struct emulation *emulation);

struct verdict emulate_memory(struct emulation *emulation);
struct verdict emulate_string(struct emulation *emulation);
struct verdict emulate_stack(struct emulation *emulation);
struct verdict emulate_sse(struct emulation *emulation);
