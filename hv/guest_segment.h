/* SPDX-License-Identifier: MIT
 *
 * A guest's segment registers, as the current VMCS has them: where a segment
 * begins, and what it allows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/vcpu.h"

/* As instructions and VM exits number them. */
enum guest_segment {
    SEGMENT_ES,
    SEGMENT_CS,
    SEGMENT_SS,
    SEGMENT_DS,
    SEGMENT_FS,
    SEGMENT_GS,
    SEGMENT_COUNT
};

uint64_t guest_segment_base(enum guest_segment segment);
uint16_t guest_segment_selector(enum guest_segment segment);

/* Whether [first, last] may be read or written, outside 64-bit mode. */
bool guest_segment_allows(enum guest_segment segment, bool write, uint64_t first, uint64_t last);

/* #SS(0) or #GP(0). */
struct verdict guest_segment_fault(enum guest_segment segment);
