/* SPDX-License-Identifier: MIT
 *
 * What arithmetic instructions compute: pure functions of their operands and
 * RFLAGS. Flags that the manual leaves undefined are as processors leave them
 * where that is simple, else unchanged.
 *
 * Sizes are in bytes: 1, 2, 4, 8. Of operands only so many bytes count, and
 * results have no more.
 */
#pragma once

#include "hv/instruction.h"

uint64_t alu_mask(unsigned bytes);
uint64_t alu_sign_extend(uint64_t value, unsigned bytes);

/* ADD to CMP, TEST, INC, DEC, NOT, NEG: of `a` with `b`, where there are two.
 * The result of CMP is `a`, and so is that of TEST. */
uint64_t alu_arithmetic(enum operation operation, unsigned bytes, uint64_t a, uint64_t b,
                        uint64_t *rflags);

/* ROL to SAR. */
uint64_t alu_shift(enum operation operation, unsigned bytes, uint64_t a, unsigned count,
                   uint64_t *rflags);

/* SHLD and SHRD: what comes in is from `b`. */
uint64_t alu_shift_double(enum operation operation, unsigned bytes, uint64_t a, uint64_t b,
                          unsigned count, uint64_t *rflags);

/* BT to BTC, of the bit `index` modulo the size. */
uint64_t alu_bit(enum operation operation, unsigned bytes, uint64_t a, uint64_t index,
                 uint64_t *rflags);

/* BSF and BSR; `old` if no bit is set. */
uint64_t alu_scan(enum operation operation, unsigned bytes, uint64_t a, uint64_t old,
                  uint64_t *rflags);

uint64_t alu_swap_bytes(uint64_t value, unsigned bytes);

/* Whether the condition that CMOVcc and SETcc have in their opcode holds. */
bool alu_condition(unsigned condition, uint64_t rflags);

struct alu_pair { uint64_t low, high; };

/* MUL and IMUL of `a` by `b`, with all bits of the product. */
struct alu_pair alu_multiply(enum operation operation, unsigned bytes, uint64_t a, uint64_t b,
                             uint64_t *rflags);

/* DIV and IDIV: quotient in low, remainder in high. False: #DE. */
bool alu_divide(enum operation operation, unsigned bytes, struct alu_pair dividend,
                uint64_t divisor, struct alu_pair *result);
