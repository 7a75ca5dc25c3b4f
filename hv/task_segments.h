/* SPDX-License-Identifier: MIT
 *
 * The last step of a task switch: the segments of the new task, whose selectors
 * are known and whose descriptors are read, checked and loaded.
 */
#pragma once

#include <stdbool.h>

#include "hv/task_state.h"

struct verdict;

/* Before any descriptor is looked at: the selectors are there, and what may not
 * be used yet is unusable. In virtual-8086 mode this is all that there is to do. */
void task_segments_begin(const struct task_state *state);

/* False: *fault is raised in the new task, with the segments loaded so far. */
bool task_segments_load(struct vcpu *vcpu, const struct task_state *state,
                        struct verdict *fault);
