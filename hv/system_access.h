/* SPDX-License-Identifier: MIT
 *
 * The processor's own accesses to a guest's descriptor tables and task-state
 * segments: by the supervisor, whatever the CPL is, through the guest's paging.
 *
 * A range is found first, which may fault, and accessed later, which may not.
 * Where a guest has no memory, reads give ones and writes vanish, as on a bus.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "hv/guest_walk.h"

/* At most: what lies in two pages. */
struct system_range {
    gpa_t at[2];
    size_t bytes[2];
};

/* The mode in which system structures are accessed: that of the current VMCS,
 * with the rights of the supervisor. */
struct guest_mode system_mode(void);

/* `bytes` is 1 to 4096. False: *fault is what happens, and CR2 is set. */
bool system_range_find(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t from,
                       size_t bytes, enum guest_access access, struct system_range *range,
                       struct verdict *fault);

void system_range_read(struct vcpu *vcpu, const struct system_range *range, void *to);
void system_range_write(struct vcpu *vcpu, const struct system_range *range, const void *from);

/* Sets or clears bits of one byte, the first of the range, by one atomic access, as
 * the processor locks the bus for them. Returns the byte as it was. */
uint8_t system_bits_set(struct vcpu *vcpu, const struct system_range *range, uint8_t bits);
uint8_t system_bits_clear(struct vcpu *vcpu, const struct system_range *range, uint8_t bits);
