/* SPDX-License-Identifier: MIT
 *
 * See arena.h.
 */
#include "arch/arena.h"

#include "arch/insn.h"
#include "arch/layout.h"
#include "arch/paging.h"
#include "hv/check.h"

static hpa_t arena_base;
static uint64_t arena_bytes;
static uint64_t arena_next;

void arena_init(hpa_t base, uint64_t bytes)
{
    CHECK(bytes <= ARENA_BYTES_MAX);
    paging_map(ARENA_VIRTUAL, base, bytes, PAGE_READ_WRITE);
    arena_base = base;
    arena_bytes = bytes;
}

void *arena_take(uint64_t bytes, uint64_t align)
{
    uint64_t at = align_up(arena_next, align);
    CHECK(at <= arena_bytes && bytes <= arena_bytes - at);
    arena_next = at + bytes;
    void *memory = (void *)(ARENA_VIRTUAL + at);
    zero_quads(memory, align_up(bytes, 8) / 8);
    return memory;
}

hpa_t arena_hpa(const void *address)
{
    uint64_t offset = (uint64_t)address - ARENA_VIRTUAL;
    CHECK(offset < arena_next);
    return HPA(arena_base.value + offset);
}

uint64_t arena_used(void)
{
    return arena_next;
}
