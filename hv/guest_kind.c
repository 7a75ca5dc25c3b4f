/* SPDX-License-Identifier: MIT
 *
 * See guest_kind.h.
 */
#include "hv/guest_kind.h"

#include "hv/check.h"

bool guest_kind_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                        struct guest_plan *plan, struct refusal *refusal)
{
    CHECK(guest_memory_is_valid(memory));
    return linux_prepare(memory, boot, &plan->bzimage, refusal);
}

struct entry_state guest_kind_load(const struct guest_memory *memory,
                                   const struct guest_boot *boot, const struct guest_plan *plan)
{
    return linux_load(memory, boot, &plan->bzimage);
}
