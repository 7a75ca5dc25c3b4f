/* SPDX-License-Identifier: MIT
 *
 * See log_ring.h. A lock of its own, taken last and held for one copy.
 */
#include "hv/log_ring.h"

#include <stdatomic.h>

#include "hv/lock.h"
#include "hv/text.h"

static struct {
    struct lock lock;
    _Atomic bool panicking;
    uint64_t next;
    char lines[LOG_RING_LINES][LOG_RING_TEXT];
} ring;

static void enter(void)
{
    if (!atomic_load_explicit(&ring.panicking, memory_order_relaxed))
        lock_acquire(&ring.lock);
}

static void leave(void)
{
    if (!atomic_load_explicit(&ring.panicking, memory_order_relaxed))
        lock_release(&ring.lock);
}

void log_ring_panic(void)
{
    atomic_store(&ring.panicking, true);
}

void log_ring_add(const char *text, size_t length)
{
    size_t kept = length < LOG_RING_TEXT - 1 ? length : LOG_RING_TEXT - 1;

    enter();
    char *line = ring.lines[ring.next % LOG_RING_LINES];
    memcpy(line, text, kept);
    line[kept] = '\0';
    ring.next++;
    leave();
}

uint64_t log_ring_next(void)
{
    enter();
    uint64_t next = ring.next;
    leave();
    return next;
}

bool log_ring_read(uint64_t number, char to[static LOG_RING_TEXT])
{
    enter();
    bool there = number < ring.next && ring.next - number <= LOG_RING_LINES;
    if (there)
        text_copy(to, LOG_RING_TEXT, ring.lines[number % LOG_RING_LINES]);
    leave();
    return there;
}
