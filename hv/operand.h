/* SPDX-License-Identifier: MIT
 *
 * The bytes that an instruction accesses at a linear address, wherever they are:
 * in RAM, at a device, or nowhere; in one page or in two.
 *
 * First operand_find, which may fault and changes nothing but accessed and dirty
 * flags; then reading or writing, which cannot fail.
 */
#pragma once

#include "hv/guest_walk.h"

#define OPERAND_BYTES_MAX 16

struct operand_part {
    gpa_t gpa;
    hpa_t ram; /* if is_ram */
    bool is_ram;
    size_t bytes;
};

struct operand {
    struct operand_part parts[2];
    unsigned part_count;
};

/* `bytes` is 1 to OPERAND_BYTES_MAX. False: *refused says what becomes of the
 * instruction; CR2 is set if that is a page fault. */
bool operand_find(struct vcpu *vcpu, const struct guest_mode *mode, gla_t at, size_t bytes,
                  enum guest_access access, struct operand *operand, struct verdict *refused);

/* All of it is RAM, so the processor can execute the instruction itself. */
bool operand_is_ram(const struct operand *operand);

/* Parts at a device are accessed as the processor would on a bus: whole, or, if
 * they are cut by a page boundary, in naturally aligned pieces. */
void operand_read(struct vcpu *vcpu, const struct operand *operand, void *to);
void operand_write(struct vcpu *vcpu, const struct operand *operand, const void *from);
