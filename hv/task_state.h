/* SPDX-License-Identifier: MIT
 *
 * What a task-state segment holds of a task, from and to its bytes: pure
 * functions, for the formats of 32 and of 16 bits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/segment.h"
#include "hv/vcpu.h"

#define TASK_STATE_BYTES_MAX 0x68

struct task_state {
    uint32_t eip, eflags;
    uint32_t gpr[GPR_RDI + 1]; /* by enum gpr; in 16 bits, the upper half is ones */
    uint16_t selectors[SEGMENT_DATA_AND_CODE];
    uint16_t ldt;
    uint32_t cr3; /* 32 bits only: has_cr3 */
    bool has_cr3;
    bool trap;
};

/* The part of a TSS that a switch away from its task writes. */
struct task_saved {
    uint8_t offset, bytes;
};

bool task_state_is_32(const struct segment *tss);

/* What a TSS must have at least. */
unsigned task_state_bytes(bool is_32);
struct task_saved task_state_saved(bool is_32);

void task_state_parse(struct task_state *state, const uint8_t *tss, bool is_32);

/* Into the part that task_state_saved() names: what is not of the task's state
 * there stays, as the upper halves of selectors. */
void task_state_store(const struct task_state *state, uint8_t *tss, bool is_32);
