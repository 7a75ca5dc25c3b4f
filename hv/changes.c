/* SPDX-License-Identifier: MIT
 *
 * See changes.h. A lock of its own, taken last and held for one copy.
 */
#include "hv/changes.h"

#include "hv/lock.h"
#include "hv/vm.h"

static struct {
    struct lock lock;
    uint64_t next;
    struct change list[CHANGES_KEPT];
} ring;

static _Atomic uint32_t watchers; /* a bit a seat */

static void call_watchers(void)
{
    uint32_t called = atomic_load(&watchers);

    for (unsigned seat = 0; seat < MONITOR_SEATS; seat++)
        if (called & 1u << seat)
            monitor_seat_call((enum monitor_seat)seat);
}

void changes_add(const struct vm *vm, enum change_kind kind, enum vm_end cause,
                 const char *reason)
{
    struct change change = { .kind = kind, .vm = vm->index, .cause = cause, .reason = reason,
                             .status = cause != VM_END_NONE ? vm->exit_status : 0,
                             .tsc = machine_tsc() };

    lock_acquire(&ring.lock);
    ring.list[ring.next++ % CHANGES_KEPT] = change;
    lock_release(&ring.lock);
    call_watchers();
}

void changes_watch(enum monitor_seat seat, bool watches)
{
    if (watches)
        atomic_fetch_or(&watchers, 1u << seat);
    else
        atomic_fetch_and(&watchers, ~(1u << seat));
}

uint64_t changes_next(void)
{
    lock_acquire(&ring.lock);
    uint64_t next = ring.next;
    lock_release(&ring.lock);
    return next;
}

bool changes_read(uint64_t number, struct change *change)
{
    lock_acquire(&ring.lock);
    bool there = number < ring.next && ring.next - number <= CHANGES_KEPT;
    if (there)
        *change = ring.list[number % CHANGES_KEPT];
    lock_release(&ring.lock);
    return there;
}

const char *change_word(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_STARTED: return "started";
    case CHANGE_READY: return "ready";
    case CHANGE_PAUSED: return "paused";
    case CHANGE_RESUMED: return "resumed";
    case CHANGE_ENDED: return "ended";
    case CHANGE_STOPPED: return "stopped";
    }
    return "?";
}

const char *change_cause_word(enum vm_end cause)
{
    switch (cause) {
    case VM_END_NONE: break;
    case VM_END_POWEROFF: return "poweroff";
    case VM_END_REBOOT: return "reset";
    case VM_END_WATCHDOG: return "watchdog";
    case VM_END_EXIT: return "exit";
    case VM_END_CRASH: return "crash";
    case VM_END_STOP: return "stop";
    case VM_END_RESTART: return "restart";
    }
    return "none";
}
