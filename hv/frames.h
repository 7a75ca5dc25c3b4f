/* SPDX-License-Identifier: MIT
 *
 * A pool of 4 KiB frames for translation tables: host memory that the
 * hypervisor has mapped and that one owner alone uses.
 *
 * Frames are taken one by one, zeroed, and given back all at once. A table
 * names another by its host-physical address; frames_find turns that back into
 * a frame and CHECKs that it is one of this pool's, so that a walk can never be
 * led out of the pool, whatever a table contains.
 */
#pragma once

#include <stdint.h>

#include "hv/addr.h"

#define FRAME_ENTRIES 512

struct frames {
    uint64_t *tables; /* count * FRAME_ENTRIES entries, page-aligned */
    hpa_t base;       /* where that memory is on the machine's bus */
    unsigned count;
    unsigned used;    /* frames [0, used) are taken */
};

/* The pool takes the memory as it is; it is zeroed frame by frame. */
void frames_init(struct frames *frames, uint64_t *tables, hpa_t base, unsigned count);

/* A zeroed frame. The caller has made sure that one is left. */
hpa_t frames_take(struct frames *frames);

/* The entries of a taken frame. */
uint64_t *frames_find(const struct frames *frames, hpa_t frame);

/* Changes one entry of a table that may be in use: a single 64-bit store, after
 * all earlier ones, so that a walk sees the old value or the new one. */
void frames_store(uint64_t *entry, uint64_t value);

/* A pool of `count` frames out of those that are left, for an owner of its own. */
struct frames frames_split(struct frames *frames, unsigned count);
