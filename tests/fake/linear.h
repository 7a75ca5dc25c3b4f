/* SPDX-License-Identifier: MIT
 *
 * In place of hv/guest_paging.c: guest-linear memory of a few pages, of which
 * each can be RAM, unmapped, or mapped where there is no RAM.
 */
#pragma once

#include "hv/guest_paging.h"

#define FAKE_LINEAR_BASE 0x7FFF0000ull
#define FAKE_LINEAR_PAGES 4
#define FAKE_LINEAR_BYTES (FAKE_LINEAR_PAGES * 4096)

struct fake_linear {
    uint8_t bytes[FAKE_LINEAR_BYTES]; /* from FAKE_LINEAR_BASE */
    enum guest_linear pages[FAKE_LINEAR_PAGES];
};

extern struct fake_linear fake_linear;

/* All RAM, all zero. */
void fake_linear_reset(void);
