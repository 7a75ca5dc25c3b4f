/* SPDX-License-Identifier: MIT
 *
 * See owners.h. Entries are few, so looking through all of them for the next one
 * is all the order there is.
 */
#include "hv/owners.h"

#include <stddef.h>

#define OWNERS_MAX 192u

static struct owned entries[OWNERS_MAX];
static unsigned count, omitted;

void owners_add(hpa_t base, uint64_t bytes, const char *owner)
{
    if (count == OWNERS_MAX) {
        omitted++;
        return;
    }
    entries[count++] = (struct owned){ base.value, base.value + bytes, owner };
}

unsigned owners_omitted(void)
{
    return omitted;
}

/* The lowest entry that ends behind `from`, free ones or others. */
static const struct owned *lowest(uint64_t from, bool is_free)
{
    const struct owned *best = NULL;

    for (unsigned i = 0; i < count; i++)
        if (entries[i].end > from && (entries[i].owner == NULL) == is_free &&
            (best == NULL || entries[i].base < best->base))
            best = &entries[i];
    return best;
}

bool owners_next(uint64_t from, struct owned *piece)
{
    const struct owned *mine = lowest(from, false), *nobodys = lowest(from, true);
    uint64_t start = nobodys == NULL ? UINT64_MAX
                     : nobodys->base > from ? nobodys->base : from;

    if (mine != NULL && mine->base <= start) {
        *piece = *mine;
        return true;
    }
    if (nobodys == NULL)
        return false;
    bool cut = mine != NULL && mine->base < nobodys->end;
    *piece = (struct owned){ start, cut ? mine->base : nobodys->end, NULL };
    return true;
}
