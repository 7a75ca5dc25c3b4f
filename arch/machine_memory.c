/* SPDX-License-Identifier: MIT
 *
 * The memory functions of hv/machine.h. By themselves, so that they can be
 * optimised together with the walk of a guest's page tables.
 */
#include "arch/insn.h"
#include "arch/window.h"
#include "hv/check.h"
#include "hv/guest_memory.h"
#include "hv/machine.h"

#define ENTRY_ADDRESS 0x000FFFFFFFFFF000ull

/* The part of [address, address + bytes) that one window shows. */
static uint64_t in_window(hpa_t address, uint64_t bytes)
{
    uint64_t room = PAGE_SIZE_2M - (address.value & (PAGE_SIZE_2M - 1));
    return bytes < room ? bytes : room;
}

static uint8_t *copy_window(hpa_t address)
{
    return window_at(&this_cpu()->windows[WINDOW_COPY], address);
}

static void copy(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
    uint64_t quads = align_down(bytes, 8);
    copy_quads(to, from, quads / 8);
    copy_bytes(to + quads, from + quads, bytes - quads);
}

void machine_memory_read(void *to, hpa_t from, size_t bytes)
{
    uint8_t *at = to;
    while (bytes) {
        uint64_t part = in_window(from, bytes);
        copy(at, copy_window(from), part);
        at += part;
        from.value += part;
        bytes -= part;
    }
}

void machine_memory_write(hpa_t to, const void *from, size_t bytes)
{
    const uint8_t *at = from;
    while (bytes) {
        uint64_t part = in_window(to, bytes);
        copy(copy_window(to), at, part);
        at += part;
        to.value += part;
        bytes -= part;
    }
}

void machine_memory_zero(hpa_t at, uint64_t bytes)
{
    CHECK(((at.value | bytes) & 7) == 0);
    while (bytes) {
        uint64_t part = in_window(at, bytes);
        zero_quads(copy_window(at), part / 8);
        at.value += part;
        bytes -= part;
    }
}

/* Called seldom, so the caller saves no register for it. */
__attribute__((noinline, no_caller_saved_registers))
static void *move_to_page(struct window *window, const struct guest_memory *memory,
                          uint64_t entry)
{
    hpa_t hpa;
    if (!guest_memory_translate_in_page(memory, GPA(entry & ENTRY_ADDRESS), &hpa))
        return NULL;
    window->page_bytes = window_at(window, hpa);
    window->entry = entry;
    return window->page_bytes;
}

/* Whatever else the value says, the same value names the same page. Looked up
 * relative to GS, as this is done once for each level of each walk. */
void *machine_page(enum machine_page use, const struct guest_memory *memory, uint64_t entry)
{
    unsigned number = WINDOW_FIRST_PAGE + use;
    const __seg_gs struct window *window = &((const __seg_gs struct cpu *)0)->windows[number];
    if (__builtin_expect(window->entry != entry, false))
        return move_to_page(&this_cpu()->windows[number], memory, entry);
    if (!window->page_bytes)
        __builtin_unreachable(); /* so the caller need not look */
    return window->page_bytes;
}
