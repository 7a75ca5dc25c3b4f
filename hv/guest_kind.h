/* SPDX-License-Identifier: MIT
 *
 * The kinds of guest: by which protocol a kernel is loaded and entered.
 *
 * First guest_kind_prepare: checks everything and decides every address, writes
 * nothing and says what is wrong in a user's words. Then guest_kind_load, which
 * cannot fail. Both depend on their arguments only, so a guest is started again
 * from the same images as often as it likes. Images are trusted to be run, not
 * to be well-formed: no byte outside of a span is ever read.
 */
#pragma once

#include "hv/entry_state.h"
#include "hv/guest_boot.h"
#include "hv/guest_memory.h"
#include "hv/image.h"
#include "hv/linux.h"
#include "hv/refusal.h"

/* All that guest_kind_prepare decided. */
struct guest_plan {
    enum guest_kind kind; /* never GUEST_KIND_ANY */
    union {
        struct linux_plan bzimage; /* GUEST_KIND_LINUX */
        struct image_plan image;   /* all others */
    };
};

/* Whether this can be started in a guest with this memory, of which only the
 * size counts. False: `refusal` says why not, and `plan` is unspecified. */
bool guest_kind_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                        struct guest_plan *plan, struct refusal *refusal);

/* Writes what the plan says into the guest's memory, which is zero before but
 * for its BIOS area. Returns how the guest begins. */
struct entry_state guest_kind_load(const struct guest_memory *memory,
                                   const struct guest_boot *boot, const struct guest_plan *plan);

/* "Linux", "Multiboot". */
const char *guest_kind_name(enum guest_kind kind);
