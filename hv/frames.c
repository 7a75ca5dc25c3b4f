/* SPDX-License-Identifier: MIT
 *
 * See frames.h. Host-physical addresses are the names of frames here; all
 * arithmetic from a name to a table is in frames_find.
 */
#include "hv/frames.h"

#include "hv/check.h"
#include "hv/text.h"

void frames_init(struct frames *frames, uint64_t *tables, hpa_t base, unsigned count)
{
    CHECK((uintptr_t)tables % PAGE_SIZE_4K == 0);
    CHECK(base.value % PAGE_SIZE_4K == 0);
    *frames = (struct frames){ .tables = tables, .base = base, .count = count };
}

hpa_t frames_take(struct frames *frames)
{
    CHECK(frames->used < frames->count);
    hpa_t frame = HPA(frames->base.value + frames->used * PAGE_SIZE_4K);
    frames->used++;
    memset(frames_find(frames, frame), 0, PAGE_SIZE_4K);
    return frame;
}

uint64_t *frames_find(const struct frames *frames, hpa_t frame)
{
    CHECK(frame.value >= frames->base.value);
    uint64_t offset = frame.value - frames->base.value;
    CHECK(offset % PAGE_SIZE_4K == 0);
    CHECK(offset / PAGE_SIZE_4K < frames->used);
    return frames->tables + offset / sizeof(uint64_t);
}

void frames_store(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

struct frames frames_split(struct frames *frames, unsigned count)
{
    struct frames part;
    CHECK(count <= frames->count - frames->used);
    frames_init(&part, frames->tables + (size_t)frames->used * FRAME_ENTRIES,
                HPA(frames->base.value + frames->used * PAGE_SIZE_4K), count);
    frames->used += count;
    return part;
}
