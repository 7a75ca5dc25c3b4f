/* SPDX-License-Identifier: MIT
 *
 * Ticket lock. Fair, so that no guest's CPU can starve another one's exit.
 *
 * Order where two are held: a VM's lock before that of the machine's lines
 * (arch/lines.c), that before VT-d's (arch/vtd.c), and that before the console's. The
 * hypervisor runs with interrupts off and its NMI handler takes no lock, so a lock is
 * never wanted again by the CPU that holds it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
    _Atomic uint32_t next;
    _Atomic uint32_t serving;
};

static inline bool lock_serves(struct lock *lock, uint32_t ticket)
{
    return atomic_load_explicit(&lock->serving, memory_order_acquire) == ticket;
}

/* Mostly it is free. */
static inline void lock_acquire(struct lock *lock)
{
    uint32_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    while (__builtin_expect(!lock_serves(lock, ticket), false))
        __builtin_ia32_pause();
}

static inline void lock_release(struct lock *lock)
{
    uint32_t serving = atomic_load_explicit(&lock->serving, memory_order_relaxed);
    atomic_store_explicit(&lock->serving, serving + 1, memory_order_release);
}
