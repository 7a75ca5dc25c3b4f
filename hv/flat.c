/* SPDX-License-Identifier: MIT
 *
 * See flat.h.
 */
#include "hv/flat.h"

#define FIRST_DISK 0x80u

bool flat_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                  struct image_plan *plan, struct refusal *refusal)
{
    const struct image_piece piece = {
        .file_bytes = boot->kernel.size,
        .address = boot->flat.load_address,
        .memory_bytes = boot->kernel.size,
    };

    if (!image_from_piece(boot->kernel, &piece, boot->flat.entry, plan, refusal))
        return false;
    plan->mode = boot->flat.mode;
    if (plan->mode == ENTRY_REAL && plan->end > GUEST_LOW_MEMORY_END)
        return refuse(refusal, "the image lies from %llxh to %llxh; for real mode it must lie below "
                      "%llxh", (unsigned long long)plan->begin, (unsigned long long)plan->end,
                      GUEST_LOW_MEMORY_END);
    return image_place(memory, boot, 0, plan, refusal);
}

struct entry_state flat_load(const struct guest_memory *memory, const struct guest_boot *boot,
                             const struct image_plan *plan)
{
    struct entry_state entry = image_load(memory, boot, plan);

    if (plan->mode == ENTRY_REAL)
        entry.rdx = FIRST_DISK;
    return entry;
}
