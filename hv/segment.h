/* SPDX-License-Identifier: MIT
 *
 * A segment register of a guest: its selector and what the processor keeps of
 * the descriptor. Read from a descriptor, from and to the VMCS.
 *
 * What is written is what a VM entry accepts, if the descriptor was checked:
 * an unusable segment keeps its selector, and the DPL of SS is the CPL always.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/segment.h"

struct segment {
    uint16_t selector;
    uint32_t base;
    uint32_t limit;  /* of bytes, whatever the granularity */
    uint32_t rights; /* access rights, as in the VMCS */
};

struct segment segment_from_descriptor(uint16_t selector, uint64_t descriptor);

/* A null selector, or one whose descriptor was not loaded. */
struct segment segment_unusable(uint16_t selector, unsigned dpl);

/* As in virtual-8086 mode every segment is. */
struct segment segment_virtual_8086(uint16_t selector);

unsigned segment_type(const struct segment *segment);
unsigned segment_dpl(const struct segment *segment);

/* Whether these bytes may be accessed as far as the limit is concerned: SDM Vol.
 * 3A, 5.3 "Limit Checking". */
bool segment_contains(const struct segment *segment, uint32_t offset, uint32_t bytes);

/* From and to the current VMCS. */
struct segment segment_read(enum segment_register which);
void segment_write(enum segment_register which, const struct segment *segment);
