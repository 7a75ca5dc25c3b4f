/* SPDX-License-Identifier: MIT
 *
 * See image_layout.h. The first 64 KiB stay free for kernels that put something
 * there before they have looked at anything, such as the code with which other
 * processors begin.
 */
#include "hv/image_layout.h"

#define LOW_BEGIN KIB(64)

static struct image_gap behind(struct image_gap area, uint64_t end)
{
    return (struct image_gap){ end > area.begin ? end : area.begin, area.end };
}

static struct image_gap before(struct image_gap area, uint64_t begin, uint64_t end)
{
    if (end <= area.begin)
        return (struct image_gap){ area.end, area.end }; /* all is behind */
    return (struct image_gap){ area.begin, begin < area.end ? begin : area.end };
}

struct image_layout image_layout(const struct guest_memory *memory, uint64_t begin, uint64_t end)
{
    struct image_gap low = { LOW_BEGIN, GUEST_LOW_MEMORY_END };
    struct image_gap high = { guest_memory_low_begin(memory), guest_memory_low_end(memory) };

    return (struct image_layout){
        .low = { behind(low, end), before(low, begin, end) },
        .high = { behind(high, end), before(high, begin, end) },
    };
}

static bool take(struct image_gap gaps[static 2], uint64_t bytes, uint64_t alignment, gpa_t *at)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t begin = align_up(gaps[i].begin, alignment);

        if (begin > gaps[i].end || bytes > gaps[i].end - begin)
            continue;
        *at = GPA(begin);
        gaps[i].begin = begin + bytes;
        return true;
    }
    return false;
}

bool image_layout_low(struct image_layout *layout, uint64_t bytes, uint64_t alignment, gpa_t *at)
{
    return take(layout->low, bytes, alignment, at);
}

bool image_layout_high(struct image_layout *layout, uint64_t bytes, uint64_t alignment, gpa_t *at)
{
    return take(layout->high, bytes, alignment, at);
}

bool image_layout_any(struct image_layout *layout, uint64_t bytes, uint64_t alignment, gpa_t *at)
{
    return image_layout_low(layout, bytes, alignment, at) ||
           image_layout_high(layout, bytes, alignment, at);
}
