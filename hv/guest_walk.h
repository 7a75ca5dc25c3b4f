/* SPDX-License-Identifier: MIT
 *
 * Inside of hv/guest_paging.h: one walk of a guest's paging structures.
 */
#pragma once

#include "hv/guest_paging.h"

enum guest_access { GUEST_READ, GUEST_WRITE, GUEST_FETCH };

/* Where the byte at `at` is, if the guest may access it so now. Sets accessed
 * and dirty flags, but not CR2: the page fault may not come to be. */
enum guest_linear guest_walk(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t at,
                             enum guest_access access, gpa_t *to, struct guest_fault *fault);

/* The same for the common case, in few instructions: 64-bit code with 4 levels
 * and pages of 4 KiB or 2 MiB, and a walk that ends well and changes nothing.
 * False: it is not that simple, and guest_walk() decides. */
bool guest_walk_simply(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t at,
                       enum guest_access access, gpa_t *to);
