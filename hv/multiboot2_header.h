/* SPDX-License-Identifier: MIT
 *
 * The header in a Multiboot2 kernel: finds it, reads its tags, and refuses what
 * it requires and Bulkhead has not.
 */
#pragma once

#include "hv/refusal.h"
#include "hv/span.h"

/* What it asks for. Offsets are in the file, of tags whose content is there;
 * 0: there is no such tag. */
struct multiboot2_header {
    uint64_t offset;
    uint64_t address_tag;
    uint64_t entry_tag;
    uint64_t relocatable_tag;
};

/* Whether a file has a header. */
bool multiboot2_is(struct span kernel);

bool multiboot2_read_header(struct span kernel, struct multiboot2_header *header,
                            struct refusal *refusal);
