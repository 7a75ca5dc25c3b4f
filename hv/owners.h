/* SPDX-License-Identifier: MIT
 *
 * A map of the machine's memory: who owns what. Filled at boot, for the monitor
 * to show.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/addr.h"

struct owned {
    uint64_t base, end;
    const char *owner; /* NULL: nobody, it is free */
};

/* Boot. Of free memory, what somebody owns is taken away when it is shown. What
 * there is no room for is counted. */
void owners_add(hpa_t base, uint64_t bytes, const char *owner);

/* The first piece that ends behind `from`. False: there is none. */
bool owners_next(uint64_t from, struct owned *piece);

unsigned owners_omitted(void);
