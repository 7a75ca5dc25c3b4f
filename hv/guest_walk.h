/* SPDX-License-Identifier: MIT
 *
 * Inside of hv/guest_paging.h: one walk of a guest's paging structures.
 */
#pragma once

#include "hv/guest_paging.h"

enum guest_access { GUEST_READ, GUEST_WRITE, GUEST_FETCH };

/* Where the byte at `at` is, if the guest may access it so now. Sets accessed
 * and dirty flags, but not CR2: the page fault may not come to be. */
enum guest_linear guest_walk(const struct vcpu *vcpu, gla_t at, enum guest_access access,
                             gpa_t *to, struct guest_fault *fault);
