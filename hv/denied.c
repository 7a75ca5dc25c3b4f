/* SPDX-License-Identifier: MIT
 *
 * See denied.h. The common case is a cause that was said already, which costs
 * one look into the table and no lock.
 */
#include "hv/denied.h"

#include <stdatomic.h>

#include "hv/log.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define KIND_SHIFT 56
#define PAGE_SHIFT 12
#define HASH_MULTIPLIER 0x9E3779B97F4A7C15ull /* 2^64 divided by the golden ratio */
#define HASH_SHIFT 57

_Static_assert(DENIED_SLOTS == 1u << (64 - HASH_SHIFT), "a hash is a slot's index");

enum addition { ADDED, KNOWN, FULL };

void denied_init(struct denied *denied)
{
    denied->count = 0;
    atomic_init(&denied->is_full, false);
    for (unsigned i = 0; i < DENIED_SLOTS; i++)
        atomic_init(&denied->slots[i], 0);
}

/* Never 0, which is a free slot. */
static uint64_t cause_of(enum denied_kind kind, uint64_t where)
{
    uint64_t page = kind >= DENIED_MEMORY_READ ? where >> PAGE_SHIFT : where;

    return (uint64_t)(kind + 1) << KIND_SHIFT | page;
}

/* The slot of the cause, or the free one where it belongs. Half of the slots
 * are always free, so there is one. */
static _Atomic uint64_t *slot_of(struct denied *denied, uint64_t cause)
{
    unsigned first = (unsigned)(cause * HASH_MULTIPLIER >> HASH_SHIFT);
    _Atomic uint64_t *slot = NULL;

    for (unsigned i = 0; i < DENIED_SLOTS; i++) {
        slot = &denied->slots[(first + i) % DENIED_SLOTS];
        uint64_t there = atomic_load_explicit(slot, memory_order_relaxed);
        if (there == cause || there == 0)
            break;
    }
    return slot;
}

static bool is_known(struct denied *denied, uint64_t cause)
{
    return atomic_load_explicit(slot_of(denied, cause), memory_order_relaxed) == cause;
}

/* FULL is returned once; after that everything counts as known. */
static enum addition add(struct denied *denied, uint64_t cause)
{
    _Atomic uint64_t *slot = slot_of(denied, cause);

    if (atomic_load(&denied->is_full) || atomic_load(slot) == cause)
        return KNOWN;
    if (denied->count == DENIED_MAX) {
        atomic_store(&denied->is_full, true);
        return FULL;
    }
    denied->count++;
    atomic_store(slot, cause);
    return ADDED;
}

static void say(const struct vcpu *vcpu, enum log_level level, enum denied_kind kind,
                uint64_t where)
{
    const char *name = vcpu->vm->config->name;
    unsigned index = vcpu->index;
    unsigned long long at = where;
    unsigned long long from = machine_vmread_natural(VMCS_GUEST_RIP);

    switch (kind) {
    case DENIED_PORT_READ:
        log_line(level, "%s: vCPU %u read port 0x%llx, which it does not own (reads all ones); "
                 "RIP 0x%llx", name, index, at, from);
        return;
    case DENIED_PORT_WRITE:
        log_line(level, "%s: vCPU %u wrote port 0x%llx, which it does not own (ignored); "
                 "RIP 0x%llx", name, index, at, from);
        return;
    case DENIED_MSR_READ:
        log_line(level, "%s: vCPU %u read MSR 0x%llx, which it does not have (#GP); RIP 0x%llx",
                 name, index, at, from);
        return;
    case DENIED_MSR_WRITE:
        log_line(level, "%s: vCPU %u wrote MSR 0x%llx, which it cannot change so (refused); "
                 "RIP 0x%llx", name, index, at, from);
        return;
    case DENIED_IPI:
        log_line(level, "%s: vCPU %u sent an IPI that nothing here receives (ICR 0x%llx; "
                 "ignored); RIP 0x%llx", name, index, at, from);
        return;
    case DENIED_MEMORY_READ:
        log_line(level, "%s: vCPU %u read address 0x%llx, where it has no memory (reads all "
                 "ones); RIP 0x%llx", name, index, at, from);
        return;
    case DENIED_MEMORY_WRITE:
        log_line(level, "%s: vCPU %u wrote address 0x%llx, where it has no memory (ignored); "
                 "RIP 0x%llx", name, index, at, from);
        return;
    case DENIED_APIC_WRITE:
        log_line(level, "%s: vCPU %u wrote its local APIC at 0x%llx, not as an aligned "
                 "doubleword (ignored); RIP 0x%llx", name, index, at, from);
        return;
    }
}

/* Not inlined, so that a known cause does not pay for its registers. */
__attribute__((noinline))
static void report_new(struct vcpu *vcpu, enum log_level level, enum denied_kind kind,
                       uint64_t where)
{
    struct vm *vm = vcpu->vm;

    lock_acquire(&vm->lock);
    enum addition addition = add(&vm->denied, cause_of(kind, where));
    lock_release(&vm->lock);
    if (addition == ADDED)
        say(vcpu, level, kind, where);
    else if (addition == FULL)
        log_line(LOG_WARNING, "%s: %u refused accesses are listed above; further ones are not",
                 vm->config->name, (unsigned)DENIED_MAX);
}

void denied_report(struct vcpu *vcpu, enum denied_kind kind, uint64_t where)
{
    struct denied *denied = &vcpu->vm->denied;

    if (atomic_load_explicit(&denied->is_full, memory_order_relaxed) ||
        is_known(denied, cause_of(kind, where)))
        return;
    report_new(vcpu, LOG_WARNING, kind, where);
}

void denied_report_expected(struct vcpu *vcpu, enum denied_kind kind, uint64_t where)
{
    struct denied *denied = &vcpu->vm->denied;

    if (!log_level_shown(LOG_DEBUG) || is_known(denied, cause_of(kind, where)))
        return;
    report_new(vcpu, LOG_DEBUG, kind, where);
}

bool denied_look(const struct denied *denied, unsigned slot, enum denied_kind *kind,
                 uint64_t *where)
{
    uint64_t cause = atomic_load_explicit(&denied->slots[slot], memory_order_relaxed);

    if (cause == 0)
        return false;
    *kind = (enum denied_kind)((cause >> KIND_SHIFT) - 1);
    *where = cause & ((1ull << KIND_SHIFT) - 1);
    if (*kind >= DENIED_MEMORY_READ)
        *where <<= PAGE_SHIFT;
    return true;
}

const char *denied_kind_name(enum denied_kind kind)
{
    static const char *const names[] = {
        [DENIED_PORT_READ] = "read of port",
        [DENIED_PORT_WRITE] = "write of port",
        [DENIED_MSR_READ] = "read of MSR",
        [DENIED_MSR_WRITE] = "write of MSR",
        [DENIED_IPI] = "IPI, ICR",
        [DENIED_MEMORY_READ] = "read of memory",
        [DENIED_MEMORY_WRITE] = "write of memory",
        [DENIED_APIC_WRITE] = "write of its APIC",
    };
    return kind < sizeof names / sizeof names[0] && names[kind] != NULL ? names[kind] : "access";
}
