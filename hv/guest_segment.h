/* SPDX-License-Identifier: MIT
 *
 * A guest's segment registers, as the current VMCS has them: where a segment
 * begins, and what it allows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/segment.h"
#include "hv/guest_mode.h"
#include "hv/vcpu.h"

uint64_t guest_segment_base(enum segment_register segment);
uint16_t guest_segment_selector(enum segment_register segment);

/* Whether [first, last] may be read or written, outside 64-bit mode. */
bool guest_segment_allows(enum segment_register segment, bool write, uint64_t first, uint64_t last);

/* #SS(0) or #GP(0). */
struct verdict guest_segment_fault(enum segment_register segment);

/* The linear address of `bytes` bytes at an offset in a segment, checked as an
 * access of data. False: *refused is the exception. */
bool guest_segment_linear(const struct guest_mode *mode, enum segment_register segment,
                          uint64_t offset, unsigned bytes, bool write, gla_t *linear,
                          struct verdict *refused);

/* Whether such an access at a linear address is #AC(0). */
bool guest_segment_is_misaligned(const struct guest_mode *mode, uint64_t linear, unsigned bytes);

#define INJECT_AC0 \
    ((struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_AC, .has_error_code = true })
